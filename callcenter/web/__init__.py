"""The wall, the desk, the API and the metrics, over one HTTP server.

Read in this order: `README.md` (every field, with examples), `picture` (what is known), `access`
(who may ask), `routes` (the registry behind API and OpenAPI), `read`, `act`, `why`, `sessions`
(what is asked), `hub` and `live_socket` (what is pushed), `metrics`, `server` (all of it put together).

Why: a screen never waits for another process. This one folds the journal itself, so every number
it shows is at most a tenth of a second old and costs no query.
"""
