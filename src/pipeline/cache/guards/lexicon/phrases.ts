/** Several words which read as one, before anything else is read. Longest first within a first word. */
const phraseRows = `
log in|login
log into|login
logged in|login
logged into|login
logging in|login
logging into|login
sign in|login
sign into|login
signing in|login
log out|logout
log off|logout
logged out|logout
sign out|logout
sign up|register
sign up for|register
signing up|register
set up|configure
setting up|configure
turn on|enable
turned on|enable
turning on|enable
switch on|enable
turn off|disable
turned off|disable
turning off|disable
switch off|disable
shut down|disable
turn up|increase
turn down|decrease
check in|checkin
check out|checkout
take off|remove
put on|wear
give up|quit
get rid of|remove
take away|remove
find out|learn
carry out|do
look for|find
look like|be
looks like|be
looked like|be
instead of|instead
in place of|instead
as well as|and
along with|and
together with|and
in addition to|and
plus also|and
how come|why
in order to|to
so as to|to
a lot of|many
lots of|many
a number of|some
a couple of|some
a few|some
at least|atleast
at most|atmost
more than|morethan
less than|lessthan
fewer than|lessthan
no more than|atmost
no less than|atleast
not more than|atmost
not less than|atleast
no longer|not
not able to|can not
unable to|can not
not possible to|can not
not only|
or not|
if not|
apart from|except
other than|except
except for|except
with no|without
united states of america|usa
united states|usa
u s a|usa
u s|usa
united kingdom|uk
great britain|uk
new york city|nyc
european union|eu
cell phone|phone
mobile phone|phone
post code|postcode
zip code|postcode
web site|website
pass word|password
e mail|email
credit card|creditcard
debit card|debitcard
ice cream|icecream
high school|highschool
opening hours|openinghours
opening times|openinghours
business hours|openinghours
hours of operation|openinghours
working hours|workinghours
not work|fail
not working|fail
not worked|fail
not go through|fail
not gone through|fail
not going through|fail
not going to work|fail
not been accepted|fail
not be accepted|fail
not accepted|fail
not successful|fail
not been successful|fail
not get through|fail
not allowed|fail
not arrive|unarrived
not arrived|unarrived
not receive|unarrived
not received|unarrived
not come|unarrived
not show up|unarrived
not shown up|unarrived
not showing up|unarrived
not got|unarrived
not gotten|unarrived
not yet arrived|unarrived
not yet received|unarrived
not arrived yet|unarrived
stand for|mean
per day|daily
a day|daily
each day|daily
every day|daily
per week|weekly
a week|weekly
each week|weekly
every week|weekly
per month|monthly
a month|monthly
each month|monthly
every month|monthly
per year|yearly
a year|yearly
each year|yearly
every year|yearly
per annum|yearly
per hour|hourly
an hour|hourly
not remember|forget
can not remember|forget
can not recall|forget
not recall|forget
stopped working|fail
stop working|fail
stops working|fail
not know how|how
not know what|what
not know why|why
not know where|where
not know when|when
not know if|if
not understand why|why
not understand how|how
not understand what|what
not sure how|how
not sure why|why
not sure what|what
not sure if|if
not sure where|where
can not figure out|
not figure out|
can not work out|
not sure|
trouble logging in|login
safe to|able to
ok to|able to
okay to|able to
fine to|able to
alright to|able to
time frame|timeframe
the other day|recently
the first time|once
first time|once
first of all|
at first|
do first|do
more than once|several
more than one|several
multiple times|several
several times|several
a couple of times|several
as soon as possible|asap
right now|now
at the moment|now
these days|now
how do i go about|how
how can i go about|how
what is the deal|why
what is going on|why
what is happening|why
for some reason|
any reason|why
is there a reason|why
is there any reason|why
get in touch with|contact
get in touch|contact
get hold of|contact
getting in touch with|contact
how many people live|how many population
never received|unarrived
never got|unarrived
never arrived|unarrived
never came|unarrived
not get the|unarrived the
not get my|unarrived my
not got my|unarrived my
not got the|unarrived the
in spite of|despite
due to|because
because of|because
on account of|because
have to|need
has to|need
had to|need
would like to|want
would like|want
am going to|will
right away|now
straight away|now
all of|all
some of|some
day after tomorrow|overmorrow
day before yesterday|ereyesterday
`;

/** By first word: the words which follow it, and what they become. */
export const phrases: ReadonlyMap<string, readonly Phrase[]> = (() => {
  const map = new Map<string, Phrase[]>();
  for (const row of phraseRows.trim().split("\n")) {
    const [from = "", to = ""] = row.split("|");
    const [first = "", ...rest] = from.split(" ");
    const become = to === "" ? [] : to.split(" ");
    const known = map.get(first);
    if (known === undefined) map.set(first, [{ rest, become }]);
    else known.push({ rest, become });
  }
  for (const list of map.values()) list.sort((one, other) => other.rest.length - one.rest.length);
  return map;
})();

interface Phrase {
  readonly rest: readonly string[];
  readonly become: readonly string[];
}
