/** One row per unit; the first spelling stands for it. */
const unitRows = `
kilometer kilometers kilometre kilometres km kms
meter meters metre metres
centimeter centimeters centimetre centimetres cm
millimeter millimeters millimetre millimetres mm
mile miles mi
yard yards yd
foot feet ft
inch inches
kilogram kilograms kilo kilos kg kgs
gram grams
milligram milligrams mg
microgram micrograms mcg
ounce ounces oz
pound pounds lb lbs
stone stones
ton tons tonne tonnes
liter liters litre litres
milliliter milliliters millilitre millilitres ml
gallon gallons
pint pints
cup cups
tablespoon tablespoons tbsp
teaspoon teaspoons tsp
celsius centigrade
fahrenheit
kelvin
second seconds sec secs
minute minutes min mins
hour hours hr hrs
day days daily
week weeks weekly
month months monthly
year years yearly annual annually yr yrs
decade decades
century centuries
millisecond milliseconds ms
hourly
byte bytes
kilobyte kilobytes kb
megabyte megabytes mb
gigabyte gigabytes gb
terabyte terabytes tb
watt watts
kilowatt kilowatts kw
volt volts
amp amps ampere amperes
calorie calories kcal
joule joules kilojoule kilojoules kj
hertz hz
mhz
ghz
kph kmh
mph
knot knots
acre acres
hectare hectares
percent % percentage pct
dollar dollars usd $ bucks
euro euros eur €
sterling gbp £ quid
yen jpy ¥
rupee rupees inr ₹
yuan cny rmb
franc francs chf
peso pesos mxn
cent cents
bitcoin btc
ethereum eth
degree degrees °
`;

export const units: ReadonlyMap<string, string> = new Map(
  unitRows
    .trim()
    .split("\n")
    .flatMap((row) => {
      const spellings = row.split(" ");
      return spellings.map((spelling) => [spelling, spellings[0] ?? spelling] as const);
    }),
);

/** Short spellings which are words or letters as well: a unit only behind a number. */
export const unitsBehindNumbers: ReadonlyMap<string, string> = new Map([
  ["m", "meter"],
  ["g", "gram"],
  ["l", "liter"],
  ["s", "second"],
  ["h", "hour"],
  ["in", "inch"],
  ["c", "celsius"],
  ["f", "fahrenheit"],
  ["w", "watt"],
  ["v", "volt"],
]);

const months =
  "january february march april may june july august september october november december";
const weekdays = "monday tuesday wednesday thursday friday saturday sunday";

/** Words which name a time by themselves, as `month:3`, `weekday:1` or themselves. */
export const calendar: ReadonlyMap<string, string> = new Map([
  ...months.split(" ").map((name, index) => [name, `month:${index + 1}`] as const),
  ...weekdays
    .split(" ")
    .flatMap((name, index) => [
      [name, `weekday:${index + 1}`] as const,
      [`${name}s`, `weekday:${index + 1}`] as const,
    ]),
  ...(
    "tomorrow yesterday tonight overmorrow ereyesterday weekend weekends weekday weekdays spring " +
    "summer autumn winter christmas easter thanksgiving halloween ramadan noon midnight midday morning afternoon " +
    "evening night nowadays overnight"
  )
    .split(" ")
    .map((name) => [name, name.replace(/(?<=weekend|weekday)s$/, "")] as const),
]);

/** Month and weekday names cut short; only beside a number or with a capital letter. */
export const calendarShort: ReadonlyMap<string, string> = new Map([
  ...months.split(" ").map((name, index) => [name.slice(0, 3), `month:${index + 1}`] as const),
  ["sept", "month:9"],
  ...weekdays.split(" ").map((name, index) => [name.slice(0, 3), `weekday:${index + 1}`] as const),
  ["tues", "weekday:2"],
  ["thurs", "weekday:4"],
]);

const small =
  "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen " +
  "seventeen eighteen nineteen";
const ordinals =
  "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth " +
  "fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth";
const tens = "twenty thirty forty fifty sixty seventy eighty ninety";

export const numberWords: ReadonlyMap<string, number> = new Map([
  ...small.split(" ").map((word, value) => [word, value] as const),
  ...ordinals.split(" ").map((word, value) => [word, value] as const),
  ...tens.split(" ").map((word, index) => [word, (index + 2) * 10] as const),
  ["twentieth", 20],
  ["thirtieth", 30],
  ["dozen", 12],
  ["half", 0.5],
  ["quarter", 0.25],
  ["twice", 2],
  ["double", 2],
  ["thrice", 3],
  ["triple", 3],
]);

export const multipliers: ReadonlyMap<string, number> = new Map([
  ["hundred", 100],
  ["hundreds", 100],
  ["thousand", 1_000],
  ["thousands", 1_000],
  ["k", 1_000],
  ["million", 1_000_000],
  ["millions", 1_000_000],
  ["m", 1_000_000],
  ["mn", 1_000_000],
  ["billion", 1_000_000_000],
  ["billions", 1_000_000_000],
  ["bn", 1_000_000_000],
  ["trillion", 1_000_000_000_000],
]);
