"""Debian's Dovecot for a test: its own configuration, its own directory, ports of loopback."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.ports import free_ports

PASSWORD = "secret"
USER = "office"


class Dovecot:
    """One mail server with one mailbox."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.imap, self.lmtp = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        owner = pwd.getpwnam("nobody") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        mail = directory / "mail"
        mail.mkdir(parents=True)
        directory.chmod(0o755)
        if os.getuid() == 0:
            os.chown(mail, owner.pw_uid, owner.pw_gid)
        me = pwd.getpwuid(os.getuid()).pw_name
        (directory / "dovecot.conf").write_text(
            f"""
protocols = imap lmtp
base_dir = {directory}/run
state_dir = {directory}/run
log_path = {directory}/log
ssl = no
disable_plaintext_auth = no
listen = 127.0.0.1
default_internal_user = {me}
default_internal_group = root
default_login_user = {"nobody" if os.getuid() == 0 else me}
mail_location = maildir:{mail}/%u
first_valid_uid = 1
first_valid_gid = 0
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={owner.pw_uid} gid={owner.pw_gid} home={mail}/%u
}}
service anvil {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    address = 127.0.0.1
    port = {self.imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {self.lmtp}
  }}
}}
""",
            "utf-8",
        )

    def start(self) -> None:
        self._process = subprocess.Popen(
            ["dovecot", "-F", "-c", str(self.directory / "dovecot.conf")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end = time.monotonic() + 20
        while True:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.imap), 1),
            ):
                return
            assert time.monotonic() < end, (self.directory / "log").read_text()
            time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(10)
            self._process = None

    def deliver(self, mail: bytes) -> None:
        """A mail comes into the mailbox."""
        with smtplib.LMTP("127.0.0.1", self.lmtp, timeout=10) as server:
            server.sendmail("customer@example.org", [USER], mail)

    def begin_anew(self) -> None:
        """The mailbox is made anew from its files: other UIDs, another UIDVALIDITY."""
        self.stop()
        for name in ("dovecot-uidlist", "dovecot-uidvalidity"):
            for file in (self.directory / "mail" / USER).glob(f"{name}*"):
                file.unlink()
        for file in (self.directory / "mail" / USER).glob("dovecot.index*"):
            file.unlink()
        time.sleep(1.1)  # UIDVALIDITY is a time in seconds
        self.start()


@contextlib.contextmanager
def dovecot() -> Iterator[Dovecot]:
    """A running one, in a folder that its processes may enter whoever they are."""
    assert shutil.which("dovecot"), "apt install dovecot-imapd dovecot-lmtpd"
    with tempfile.TemporaryDirectory(prefix="callcenter-dovecot-") as folder:
        server = Dovecot(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
