/** Words which turn an answer round: each on the left against each on the right. Dictionary forms. */
const opposite = `
increase raise rise grow | decrease reduce lower drop shrink fall
enable activate on | disable deactivate off
open | close shut
buy purchase | sell
send | receive
deposit | withdraw withdrawal
import | export
install | uninstall
upload | download
gain | lose
win | lose
start begin | stop end finish
add | remove delete subtract
include | exclude
accept approve | fail reject deny refuse decline
allow permit enable | forbid prohibit prevent ban disallow
create | delete destroy
connect | disconnect
lock block freeze | unlock unblock unfreeze thaw
encrypt encode compress | decrypt decode decompress extract
push | pull
borrow | lend loan
hire employ | fire dismiss
teach | learn
love like | hate dislike
ask | answer
arrive arrival | depart departure
enter entrance entry | exit leave
login | logout
checkin | checkout
subscribe | unsubscribe
follow | unfollow
mute | unmute
upgrade | downgrade
join | leave quit
remember | forget
find | lose
save | spend
create build | destroy demolish
fill | empty
pass | fail
work success succeed | fail
credit | debit
creditcard | debitcard
profit gain | loss
asset | liability
income | expense
supply | demand
employer | employee
landlord | tenant
lender | borrower
buyer | seller
sender | recipient receiver
teacher | student
parent | child
husband | wife
mother mom mum | father dad
son | daughter
brother | sister
boy | girl
man male | woman female
king | queen
uncle | aunt
nephew | niece
advantage pro strength | disadvantage con weakness
good | bad dangerous
best | worst
better | worse
high tall | low short
hot warm | cold cool
big large | small little
fast quick | slow
old | new young
early | late
light | dark heavy
long | short
wide | narrow
deep | shallow
thick | thin
rich | poor
strong | weak
easy simple | difficult hard
cheap | expensive
safe | dangerous
hard | soft
wet | dry
clean | dirty
full | empty
happy | sad
public | private
positive | negative
active | passive inactive
internal | external
input | output
domestic | international foreign abroad
local | global remote
online | offline
indoor indoors inside | outdoor outdoors outside
front | back rear
left | right
top upper | bottom lower
north northern | south southern
east eastern | west western
ascend ascending | descend descending
maximum most | minimum least
more morethan | less lessthan fewer
atleast minimum | atmost maximum upto
over above | under below
before | after
first | last
next | previous last
past | future
day | night
morning | evening night
sunrise | sunset
summer | winter
dead die death | alive born birth
real true | fake false
true | false
same | different
always | never
all every | none
with | without
single | married
single | double
temporary | permanent
fixed | variable
manual | automatic
static | dynamic
synchronous | asynchronous
horizontal | vertical
row | column
client | server
frontend | backend
hardware | software
acid | base alkaline
raw | cooked
sweet | sour bitter
vegan vegetarian | meat
inhale | exhale
attack | defend defense
employ | unemployed
majority | minority
odd | even
plural | singular
plus | minus
times multiply | divide divided
buyer | seller
inbound | outbound
incoming | outgoing
acute | chronic
hypertension | hypotension
hyper | hypo
macro | micro
arrivals | departures
breakfast | dinner lunch
lunch | dinner
visa | mastercard
android | ios iphone
windows | mac macos linux
sunny | rainy
convex | concave
guilty | innocent
prefix | suffix
debit | credit
expand | collapse
show | hide
appear | disappear
zoom | unzoom
sit | stand
absolute | relative
upstairs | downstairs
forward | backward backwards reverse
inner | outer
major | minor
senior | junior
guest | host
ally | enemy
`;

/** Both ways round. */
export const opposites: ReadonlyMap<string, ReadonlySet<string>> = (() => {
  const map = new Map<string, Set<string>>();
  const note = (word: string, against: string): void => {
    const known = map.get(word);
    if (known === undefined) map.set(word, new Set([against]));
    else known.add(against);
  };
  for (const row of opposite.trim().split("\n")) {
    const [left = "", right = ""] = row.split(" | ");
    for (const one of left.split(" ")) {
      for (const other of right.split(" ")) {
        note(one, other);
        note(other, one);
      }
    }
  }
  return map;
})();

/** "legal", "illegal": what is left without one of these must be a word of the other side. */
export const reversingPrefixes =
  /^(?:un|in|im|il|ir|dis|non|anti|de|mis|a|under|over|pre|post|hyper|hypo|inter|intra)(?=\p{L}{4})/u;

/** Kinds of one thing: two different members are two different questions. */
const kindRows = `
red orange yellow green blue purple pink brown black white grey gray gold silver
north south east west northern southern eastern western
africa asia europe antarctica oceania
mercury venus earth mars jupiter saturn uranus neptune pluto moon sun
english french spanish german italian portuguese dutch russian chinese mandarin cantonese japanese korean arabic hindi urdu bengali turkish polish greek swedish norwegian danish finnish hebrew latin czech hungarian romanian vietnamese thai indonesian swahili ukrainian welsh irish
python java javascript typescript ruby rust golang kotlin swift php perl scala haskell elixir bash sql matlab fortran cobol
mysql postgres postgresql sqlite mongodb redis oracle
react angular vue svelte
windows macos linux android ios ubuntu debian
chrome firefox safari edge opera
visa mastercard amex paypal
facebook instagram twitter tiktok snapchat whatsapp telegram linkedin youtube reddit
pdf word excel csv json xml yaml html jpg jpeg png gif svg mp3 mp4
breakfast lunch dinner brunch supper
beef pork chicken lamb fish turkey salmon tuna
apple banana orange lemon grape strawberry cherry pear peach mango
cat dog horse cow pig sheep goat rabbit lion tiger bear wolf
football basketball baseball tennis hockey cricket rugby golf
biology chemistry physics mathematics history geography
president king queen emperor minister mayor governor senator chancellor pope
ceo cto cfo coo cmo chairman
christian muslim jewish hindu buddhist
gold silver copper iron aluminum aluminium steel platinum
area volume circumference perimeter radius diameter length width height depth weight mass
square circle triangle rectangle cube sphere cylinder cone
mean median mode average
monday tuesday wednesday thursday friday saturday sunday
mother father brother sister son daughter uncle aunt cousin grandmother grandfather
hour minute day week month year decade century
`;

/** By member: which rows it is in. */
export const kinds: ReadonlyMap<string, readonly number[]> = (() => {
  const map = new Map<string, number[]>();
  for (const [row, text] of kindRows.trim().split("\n").entries()) {
    for (const word of text.split(" ")) map.set(word, [...(map.get(word) ?? []), row]);
  }
  return map;
})();
