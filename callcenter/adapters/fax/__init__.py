"""Fax: T.30 over G.711 and T.38, in a process of its own.

Why: the DSP is a C library (libspandsp), which other people's bytes have crashed before; voice
must never share a process with it.

- `spandsp.py`    the library, without a compiler
- `terminal.py`   one end of one fax: samples or T.38 packets in and out, pages on the disk
- `machine.py`    that end on a line: RTP, later UDPTL
- `ledger.py`     what of every fax is on the disk, whatever dies
- `worker.py`     all machines of a process, and what the front end asks of them
- `delivery.py`   a fax that is over becomes a contact
- `reader.py`     its pages as a person reads them
"""
