/** Forms that no rule gives. "found" is find's, not a firm's. */
const irregular = `
be: is are am was were been being
have: has had having
do: does did done doing
go: goes went gone going
get: gets got gotten getting
make: makes made making
take: takes took taken taking
give: gives gave given giving
send: sent
receive: received receiving receives
buy: bought
sell: sold
pay: paid
lose: lost losing
win: won winning
find: found
forget: forgot forgotten
write: wrote written writing
read: reading
know: knew known
think: thought
see: saw seen
say: said
tell: told
come: came coming
become: became becoming
begin: began begun beginning
break: broke broken
build: built
choose: chose chosen choosing
draw: drew drawn
drive: drove driven driving
eat: ate eaten
fall: fell fallen
feel: felt
fly: flew flown flying flies
grow: grew grown
hold: held
keep: kept
leave: leaving
lend: lent
let: letting
meet: met
put: putting
ride: rode ridden riding
rise: rose risen rising
run: ran running
show: shown
sing: sang sung
sit: sat sitting
sleep: slept
speak: spoke spoken
spend: spent
stand: stood
steal: stole stolen
swim: swam swum swimming
teach: taught
throw: threw thrown
wear: wore worn
bite: bit bitten biting
freeze: froze frozen freezing
catch: caught
bring: brought
fight: fought
hide: hid hidden hiding
die: died dying dies
lie: lied lying
use: used using uses
charge: charged charging charges
change: changed changing changes
close: closed closing closes
create: created creating
decline: declined declining
expire: expired expiring
cause: caused causing causes
raise: raised raising
increase: increased increasing
decrease: decreased decreasing
reduce: reduced reducing
remove: removed removing
replace: replaced replacing
require: required requiring
believe: believed believing
live: lived living lives
move: moved moving
invite: invited inviting
complete: completed completing
delete: deleted deleting
file: filed filing
produce: produced producing
increase: increases increased increasing
exchange: exchanged exchanging
reverse: reversed reversing
purchase: purchased purchasing
schedule: scheduled scheduling
store: stored storing stores
share: shared sharing
save: saved saving
type: typed typing
unlock: unlocked
add: added adding adds
need: needed needs
answer: answered answers
visit: visited visiting
happen: happened happening
open: opened opening opens
cancel: cancelled cancelling canceled canceling cancels
travel: travelled travelling traveled traveling
fail: failed failing fails failure failures
sell: selling sells
spell: spelled spelling
call: called calling
install: installed installing
process: processed processing
access: accessed accessing
reset: resetting
limit: limited limits
credit: credited
deposit: deposited
edit: edited editing
commit: committed committing
man: men
woman: women
person: people persons
child: children kids kid
foot: feet
tooth: teeth
mouse: mice
leaf: leaves
life: lives
wife: wives
knife: knives
datum: data
medium: media
country: countries
currency: currencies
`;

export const irregularForms: ReadonlyMap<string, string> = new Map(
  irregular
    .trim()
    .split("\n")
    .flatMap((row) => {
      const [base = "", forms = ""] = row.split(": ");
      return [base, ...forms.split(" ")].map((form) => [form, base] as const);
    }),
);

const adjectives =
  "fast quick slow cheap expensive large big small tall high low short long old young new near " +
  "far hot cold warm cool rich poor strong weak light heavy easy simple hard tough safe dangerous healthy happy " +
  "sad clean dirty dark bright deep shallow wide narrow thick thin loud quiet smart fat great nice busy rare " +
  "tasty pretty ugly funny wealthy lucky close few soft close fresh sharp smooth rough tiny huge dry wet";

/** "faster" → fast; and whether it is the comparative or the superlative. */
export const degreeForms: ReadonlyMap<string, { readonly base: string; readonly degree: Degree }> =
  new Map<string, { readonly base: string; readonly degree: Degree }>([
    ...adjectives
      .split(" ")
      .flatMap((base) => [
        [withEnding(base, "er"), { base, degree: "comparative" as const }] as const,
        [withEnding(base, "est"), { base, degree: "superlative" as const }] as const,
      ]),
    ["better", { base: "good", degree: "comparative" }],
    ["best", { base: "good", degree: "superlative" }],
    ["worse", { base: "bad", degree: "comparative" }],
    ["worst", { base: "bad", degree: "superlative" }],
    ["further", { base: "far", degree: "comparative" }],
    ["farther", { base: "far", degree: "comparative" }],
    ["furthest", { base: "far", degree: "superlative" }],
    ["elder", { base: "old", degree: "comparative" }],
    ["eldest", { base: "old", degree: "superlative" }],
  ]);

export type Degree = "comparative" | "superlative";

function withEnding(base: string, ending: string): string {
  if (base.endsWith("e")) return base + ending.slice(1);
  if (base.endsWith("y")) return base.slice(0, -1) + `i${ending}`;
  if (/^(?:big|hot|fat|thin|sad|wet)$/.test(base)) return base + (base.at(-1) ?? "") + ending;
  return base + ending;
}
