const listed = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/** Words that hold a sentence together. A guard of their own reads the ones which decide something. */
export const functionWords = listed(`
a an the this that these those it its itself there here
i me my mine myself we us our ours ourselves you your yours yourself u he him his she her hers they them
their theirs one ones someone somebody anyone anybody everyone
be is are am was were been being do does did done doing have has had having will would shall should can
could may might must ought cannot
and or but nor so if then than as because since while whereas although though whether unless until
of in on at to for from by with about into onto over under above below between among through during before
after against within across per via upon toward towards around near off out up down
what which who whom whose when where why how
not no never none
too very really quite just also even still already yet again ever maybe perhaps actually basically simply
some any all each every both either neither much many more most less least few several such own same other
another only
yes ok okay oh well please kindly hi hello hey thanks thank
let us s t d ll m re ve
`);

/**
 * Words light enough that a paraphrase adds or drops them freely. Whatever is neither here nor above is
 * specific: it has to be found on the other side.
 */
export const genericWords = listed(`
get make take give go come put let keep want need like wish try help know tell ask say show see look find
use work do happen think seem mean understand explain describe learn share wonder able possible allow
way thing stuff something anything nothing everything kind sort type part bit lot piece case
good great nice right correct proper properly proper best better fine okay
question answer info information detail tip advice idea example reason step method process procedure
people person someone somebody
time moment now currently today soon later quickly immediately currently recently
new current certain specific particular different various general
start begin finish end stop
really simply easily exactly basically generally usually normally typically probably definitely certainly
main major important key basic simple easy
main common popular
figure sure issue problem trouble
call name term word
set run have be
really please thanks thank urgent urgently asap
brief briefly short quick detailed
recommend suggest suggestion recommendation
list provide tell outline summary overview
mine own
currently actually instead
option options
place
world
city
wrong
always
supposed suppose
happen occur
exist available
need necessary require
do
apply
available
personal
regular
whole entire total
sure certain
feel
follow
hear
visit
actual
try
manage
hi hello hey
someone
receive arrive reach request stay access
attempt expect believe notice realize assume suspect guess hope seem appear occur offer obtain handle deal
proceed intend prefer assist guide instruct advise direct clarify locate located situate situated discuss
concern regard involve relate consider determine ensure decide remain continue last long turn
cause reason write compose create generate become keep bring
else further additional extra usual normal typical standard
correctly properly successfully actually finally suddenly constantly
common purpose meaning definition concept idea topic subject matter situation
effectively efficiently fully completely totally permanently
soon ahead first once several multiple
today recently earlier later lately already
safe asap worry confuse confused annoyed upset glad happy sorry curious interested
wrong incorrect actual full
couple number amount
man guy guys folks team everybody
exactly currently
sound
`);
