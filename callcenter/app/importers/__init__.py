"""Coming from another system: its queue settings as a `callcenter.toml`, and a report of each one.

    report       what became of every setting of the source: taken over, approximated, no equivalent
    draft        queues, skills and agents in the making, and the TOML they become
    ladder       people of a queue in an order of rungs: penalties, tiers
    asterisk_*   `queues.conf`, `queuerules.conf`: how the file is written, what it says
    freeswitch_* `callcenter.conf.xml`
    twilio_*     a TaskRouter workflow, JSON
    command      `callcenter import asterisk|freeswitch|twilio`

Why: nobody moves a center by hand from a page of differences. What cannot be said here is named
with its line and the reason, so that nothing is lost in silence; what is written passes
`config check`. Reading is pure but for the files named; nothing in them is ever run.
"""
