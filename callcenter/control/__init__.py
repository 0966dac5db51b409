"""THE CONTROL CENTER: one contact's whole life, the only place that knows the order across rooms.

A *command* or a tick comes in with center time; what follows from it is decided as *events*, each
applied at once by the one fold that recovery and standby use too.

`center` is the door (`Control`). `state` is what is remembered, `world` the fold, `indexes` what
is derived from it, `turn` one input on its way to rest. What follows what is decided in `contacts`
(arrive, wait, leave, end), `plans` (rings that widen, overflow), `offers` (made, taken, missed,
repaired), `people` (presence, phones, wrap-up), `training` (certificates, skills), `acts` (what
supervisors do to a queue and to those who wait), `transfers` and `consults` (an agent hands her
caller on, or asks a colleague), `frontends` (owners that start, vanish, return) and
`configuration` (checked by `plan_check` too). `learning` remembers what events teach of talks and
patience, `scene` and `estimates` look ahead from it to tell of waits. `replay` decides again what the
journal says was decided; `explained` does so with somebody looking on, through the lens of `why` and
`upcoming`, for a `story`.
"""
