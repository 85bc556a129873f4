/**
 * Words which ask for the same answer in most questions; the first of a row stands for it. Each word is in one
 * row only, so a word with two meanings is with the one that is asked more. Dictionary forms (see stem.ts).
 */
const rows = `
delete remove erase discard
change modify alter edit amend switch swap update
upgrade
refresh reload
fix repair solve resolve mend troubleshoot
buy purchase
cost price pricing fee charge rate expense tariff
send transfer wire remit
receive obtain
return refund reimburse reimbursement
fail decline reject deny refuse unsuccessful failure rejection
cancel terminate
create generate build produce construct
write compose draft
begin start commence
finish complete conclude
big large huge
small little tiny
fast quick quickly rapid rapidly speedy
tall high
amount sum quantity
error fault bug
phone telephone mobile cellphone smartphone
computer pc laptop
photo picture image pic photograph
movie film
doctor physician
car automobile vehicle
job occupation profession
salary wage
house home
kid child
illness disease sickness
ill sick
medicine medication drug
trip journey
hotel accommodation
abroad overseas foreign internationally
shop store retailer
delivery shipping shipment ship deliver
parcel package
arrive arrival
order purchase
invoice bill
passcode pin
password
login signin
account
verify confirm verification confirmation validate
identity id
mail email
website site webpage
app application
function method
folder directory
attach attachment
explain clarify
describe description
define definition meaning
summarize summarise summary sum
translate translation
example instance sample
extra additional further
incorrect inaccurate mistaken erroneous
online internet web
usual typical normal standard
unauthorized unauthorised fraudulent
recognize recognise
revert reverse undo rollback
uk
item product
view display
jumper sweater
restroom toilet bathroom lavatory
elevator lift
gas petrol gasoline
physician
allergic allergy
fever
remedy
breathe breath breathing
assist help
figure
centre center
colour color
favourite favorite
organise organize
realise realize
programme program
order
difference distinction differ
compare comparison
advantage benefit pro upside
disadvantage drawback con downside
effect impact influence
cause reason
symptom sign
treat treatment cure remedy
prevent avoid
improve enhance boost
reduce decrease lower lessen diminish
increase raise
enough
learn study
teach instruct
ingredient component
recipe
cook prepare
meal dish
beautiful pretty
smart intelligent clever
rich wealthy
happy glad
scared afraid
angry mad
famous well-known
important significant crucial vital
dangerous harmful hazardous unsafe bad
safe secure
simple easy
difficult hard tough
strange weird odd
enough sufficient
maximum max
minimum min
limit cap restriction
require requirement
necessary mandatory
permit allowed
location address
schedule timetable
begin onset
invent invention inventor
discover discovery discoverer
found founder establish
kill murder
die death
born birth
marry marriage wedding married
author writer
boss manager supervisor
employee worker staff
company firm business corporation
customer client
friend buddy pal
money cash fund funds
atm
free complimentary
discount promo promotion
coupon voucher
withdraw withdrawal
deposit
pay payment
buy
activate activation enable
register registration signup enroll enrolment
block freeze lock
replace replacement
order
recent latest newest
old elderly
ago
trash garbage rubbish
fall autumn
pants trousers
vacation holiday
flat apartment
soccer football
sleep asleep
tired fatigue
exercise workout
belly stomach tummy
car
bicycle bike
plane airplane aircraft
airport
train
baby infant newborn
dog puppy
cat kitten
lawyer attorney
usa america us
uk britain
contact reach
support helpdesk
speak talk chat
human agent representative
steal theft stolen
lose lost missing misplace
broken damaged defective
expire expiry expiration
available availability
inhabitant population resident
near nearby close
quit leave resign exit
own owner possess
choose select pick
check inspect
search lookup
calculate compute
convert conversion
connect connection
config configure configuration setting settings setup
install installation setup
download
save
print
sort order
variable
array list
loop iterate iteration
dict dictionary
string
js javascript
py python
db database
repo repository
k8s kubernetes
ts typescript
ai
tv television
fridge refrigerator
exam test
homework assignment
grade mark
university college
school
kilo kilogram
temperature
weather forecast
rain rainfall
tasty delicious
healthy
fat
thin slim skinny
skin
hair
pain ache
headache
hurt painful
baby
age
date
instead alternative substitute
funny humorous hilarious
joke
story tale
poem
letter
essay
cv resume
birthday
gift present
party
idea suggestion
tip advice
ideal perfect
popular
wide broad
quiet silent
loud noisy
end ending
`;

/** The word that stands for each word's row. */
export const synonyms: ReadonlyMap<string, string> = (() => {
  const map = new Map<string, string>();
  for (const row of rows.trim().split("\n")) {
    const words = row.split(" ");
    const [first = ""] = words;
    for (const word of words) if (!map.has(word)) map.set(word, map.get(first) ?? first);
  }
  return map;
})();
