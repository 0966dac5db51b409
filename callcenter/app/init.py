"""`callcenter init`: a configuration that works, with every setting explained and its secrets made.

Why: the first file a person sees decides whether she understands the product. It is short, says
what each table is for, and passes `config check` as it is. Passwords are made, never asked for,
and stand in files of their own that only the owner can read. It ends with the next commands, as
they are to be typed.
"""

from __future__ import annotations

from pathlib import Path

import click

from callcenter.app.config import FILE_NAME, shipped
from callcenter.app.flow_files import flow_paths
from callcenter.app.secrets import make_passwords

PASSWORDS = ["ana-phone", "ana-desk", "ben-phone", "ben-desk"]
CUSTOMERS_FILE = "customers.csv"

_TEMPLATE = """\
# Configuration of the contact center. `callcenter config check` says what is wrong with it,
# `callcenter config schema` lists every setting, `callcenter config apply` takes a change over
# while the server runs. Any value can also come from the environment: CALLCENTER__SIP__REALM=…
# Passwords stand in files of their own (`password_file`).

state_directory = "var"            # journal, history and what else outlives a restart

[center]
name = "My center"
timezone = "{timezone}"            # whose midnight starts a new day on the wall
reasons = ["break", "lunch", "training", "meeting"]   # for being not ready

[store]
url = "embedded"                   # or unix:///run/valkey/s, redis://host:6379/0
# accept_loss_seconds = 2          # admits a store with `appendfsync everysec`
# archive_days = 30                # every command and decision, in state_directory/archive; 0: all

[history]
# url = "postgresql://user@host/callcenter"            # SQLite in state_directory by default

[sip]
listen = ["127.0.0.1:5060"]        # UDP and TCP; use the machine's address for phones elsewhere
realm = "callcenter"
# digest = ["SHA-256", "MD5"]      # MD5 alone by default: many phones stop at SHA-256
# domain = "sip.example.com"       # host part of your addresses
# advertised_address = "203.0.113.7"                   # behind NAT
# capture = "192.0.2.30:9060"      # a HEP3 server (Homer) gets a copy of every message
# tls_listen = ["192.0.2.10:5061"] # phones and trunks over TLS; needs a [[certificate]]
# wss_listen = ["192.0.2.10:5443"] # phones in browsers; their pages stand in [web] origins
# srtp = "required"                # audio of phones encrypted, over TLS; "optional" by default

[media]
url = "embedded"                   # or ng://host:2223 for rtpengine
rtp_ports = "30000-34999"
address = "127.0.0.1"              # where audio is received; with `sip.listen`, the machine's
# address6 = "2001:db8::10"        # the same for phones on IPv6

[web]
listen = "127.0.0.1:8080"          # the wall, the desk, the API

# What TLS peers are shown. Renewed files are taken within a minute.
# [[certificate]]
# certificate_file = "/etc/letsencrypt/live/sip.example.com/fullchain.pem"
# key_file = "/etc/letsencrypt/live/sip.example.com/privkey.pem"

# Behind a 1:1 NAT: phones inside are told the inner address, all others the advertised ones.
# [[network]]
# network = "192.168.0.0/16"
# sip_address = "192.168.0.10"
# media_address = "192.168.0.10"

# Faxes: `apt install libspandsp2`, and a number with `fax = "QUEUE"` instead of a flow, or beside it.
# [fax]
# ident = "+1 555 0199"            # what the other machine shows
# t38 = "offer"                    # ask senders for T.38 once; "accept" only follows, "never" refuses
# sub_addresses = {{ 4711 = "sales" }}
# send = true                      # faxes are sent though no number takes any
# header = "Example Ltd"           # on top of each page that is sent, with date, number and page
# trunk = "provider"               # sent by this line only; in any case its `dial` has to allow the number
# attempts_max = 3
# retry_seconds = 300

# Faxes that a provider takes and posts to http://…/intake/fax/provider (PDF or TIFF, signed).
# [[fax_source]]
# name = "provider"
# queue = "sales"
# form = "callcenter"              # or "phaxio", with url = the address that is entered there
# password_file = "secrets/fax-provider"

# Mails: your mail server (Postfix, Exim …) hands them over by LMTP; they wait in a queue like calls.
# [intake]
# lmtp_listen = "127.0.0.1:2424"   # whoever reaches it is trusted: keep it on this machine
# [[mailbox]]
# name = "office"
# addresses = ["office@example.com"]
# queue = "sales"
# imap = "imaps://imap.example.com:993"                # or fetched from a mailbox, instead of LMTP
# username = "office@example.com"
# password_file = "secrets/office-mail"                # or token_file, where only OAuth2 is taken
# faxes_from = ["fax@provider.example"]                # its mails with a TIFF or PDF are faxes
# smtp = "smtp://127.0.0.1:25"     # where answers are handed over; without it nobody can answer
# acknowledge = "We have your mail and will answer by {{answer_by}}."

# A chat on your web pages: <script src="https://your.center/chat.js" data-chat="website" async></script>
# [[chat]]
# name = "website"
# queue = "sales"
# origins = ["https://www.example.com"]                # pages that may show it
# mailbox = "office"               # answers what is left while nobody is there, and sends transcripts

# What people write by WhatsApp (or by any service, format = "generic"): it posts to /messages/whatsapp
# [[messenger]]
# name = "whatsapp"
# format = "whatsapp"
# queue = "sales"
# secret_file = "secrets/whatsapp-app"                 # the app's secret
# verify_token = "chosen-by-you"
# url = "https://graph.facebook.com/v21.0/NUMBER_ID/messages"
# password_file = "secrets/whatsapp-token"             # the access token, for answers

# A line to the outside: calls from this address need no password. `dial` names the beginnings of the
# numbers that may be called by it, by agents and to call customers back; without it, none may.
# [[trunk]]
# name = "provider"
# address = "198.51.100.20:5060"
# discover = true                  # "provider.example:5060": found by NAPTR and SRV, kept by OPTIONS
# dial = ["+1"]
# deny = ["+1900", "+1976"]        # not these, though they begin so
# transport = "udp"                # or tcp, tls
# sources = ["198.51.100.0/28"]    # calls also come from here, whatever the port
# peer_name = "sip.provider.example"                   # tls: only with a certificate of this name
# srtp = "required"                # tls: its audio is encrypted; "optional" by default
# username = "account"
# password_file = "secrets/trunk-provider"
# register_seconds = 300           # a provider that wants the account registered; calls come to the
                                   # [[number]] of the account's name

# What agents may call: at their phones, from the desk, and when they hand a caller on. Nothing,
# unless a rule of their role (or the one that `dials` of an agent names) and a line's `dial` allow it.
# [[dialling]]
# name = "national"
# allow = ["+1"]
# deny = ["+1900"]
# roles = ["agent", "supervisor"]

# Who is on duty: *15 at a phone and a button of the desk reach the first row that fits.
# [[duty]]
# name = "night"
# number = "+15550123"             # or agent = "ana"
# calendar = "night"               # always, without it; queues and sites narrow it down

# A number that can be dialled, and the flow that answers it (see `callcenter flow show`).
{numbers}
[[skill]]
name = "sales"
[[skill]]
name = "billing"
[[skill]]
name = "support"
[[skill]]
name = "reception"
[[skill]]
name = "english"
[[skill]]
name = "spanish"
[[skill]]
name = "telugu"

[[calendar]]
name = "office"
open = ["mon-fri 08:00-20:00", "sat 09:00-14:00"]
holidays = ["2026-12-25", "2027-01-01"]

# A waiting line. `skills` says who may answer: skill = least proficiency (1 to 10).
[[queue]]
id = "sales"
title = "Sales"
skills = {{ sales = 1 }}
target_seconds = 20                # service level: answered within 20 s …
target_percent = 80                # … for 80 % of the callers
[[queue]]
id = "billing"
title = "Billing"
skills = {{ billing = 1 }}
[[queue]]
id = "support"
title = "Support"
skills = {{ support = 1 }}
wrap_up_seconds = 60
[[queue]]
id = "reception"
title = "Reception"
skills = {{ reception = 1 }}

# A person who answers. The phone registers as `id` at [sip] with this password; the same `id` and
# `web_password_file` open the desk page. `skills` are her proficiencies, 1 to 10.
[[agent]]
id = "ana"
name = "Ana"
password_file = "secrets/ana-phone"
web_password_file = "secrets/ana-desk"
role = "supervisor"
skills = {{ sales = 8, billing = 5, support = 3, reception = 5, english = 9, spanish = 10 }}
[[agent]]
id = "ben"
name = "Ben"
password_file = "secrets/ben-phone"
phone_profile = "legacy"           # `callcenter softphone` knows only the oldest digest (RFC 2069);
                                   # any other phone may use his account as well
web_password_file = "secrets/ben-desk"
# phone_profile = "legacy"         # a phone with the oldest digest only, such as pyVoIP
skills = {{ support = 8, reception = 5, english = 10, telugu = 9 }}
"""

_CUSTOMERS = """\
customer_number,phone,name,language,tier
1001,+1 555 010 0101,Example One,en,gold
1002,+34 91 555 0102,Ejemplo Dos,es,
"""

_NEXT = """\
next, in {directory}:
  callcenter config check
  callcenter doctor
  callcenter run                             # Ctrl-C stops it
then, in another terminal:
  callcenter import customers {customers}   # who is calling: numbers, names, languages
  SOFTPHONE_PASSWORD=$(cat secrets/ben-phone) callcenter softphone --user ben call 100
or with any softphone: server 127.0.0.1:5060, user ana, password in secrets/ana-phone;
dial *11 to be offered calls, 100 to call the center. The desk: http://127.0.0.1:8080/desk,
user ana, password in secrets/ana-desk.
"""


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--force", is_flag=True, help="Overwrite a configuration that is there.")
def init(directory: Path, force: bool) -> None:
    """Write a commented configuration, its secrets and a sample of customers into DIRECTORY."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / FILE_NAME
    if file.exists() and not force:
        raise click.ClickException(f"{file} is there already; --force overwrites it")
    file.write_text(_TEMPLATE.format(numbers=_numbers(), timezone=local_timezone()), "utf-8")
    made = make_passwords(directory / "secrets", PASSWORDS)
    customers = directory / CUSTOMERS_FILE
    if not customers.exists():
        customers.write_text(_CUSTOMERS, "utf-8")
    click.echo(f"wrote {file} and {len(made)} passwords (secrets/, mode 600)")
    click.echo(_NEXT.format(directory=directory.resolve(), customers=CUSTOMERS_FILE), nl=False)


def _numbers() -> str:
    """One number for every shipped flow, so that the file works as it is."""
    flows = [path.stem for path in flow_paths(shipped("ivr_flows"))]
    return "".join(
        f'[[number]]\nnumber = "{100 + index}"\nflow = "{flow}"\n'
        "# guests = true                  # also callers who are neither a trunk nor registered\n"
        for index, flow in enumerate(flows)
    )


def local_timezone() -> str:
    """The machine's IANA time zone; UTC when it does not say."""
    link = Path("/etc/localtime")
    if link.is_symlink():
        _, found, name = str(link.readlink()).partition("zoneinfo/")
        if found and name and not name.startswith("Etc/"):
            return name
    return "UTC"
