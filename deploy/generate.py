"""Writes the deployment files from the one table of roles (`callcenter/app/roles`).

    python deploy/generate.py            write them
    python deploy/generate.py --check    exit 1 if they are not what would be written

Why: a role that is added or renamed must not be forgotten in three places. The files are small on
purpose: they show how the roles are put together, and a site adds its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from callcenter.app.roles import ROLES, Role

HERE = Path(__file__).resolve().parent
HEADER = "# Made by deploy/generate.py from the table of roles. Not tested on a live system yet.\n"

CONFIG = "/etc/callcenter/callcenter.toml"
HARDENING = """\
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
"""


def unit(description: str, command: str, after: tuple[str, ...], stop_seconds: float) -> str:
    """A service unit. The holder drains its roles itself, so only it is signalled."""
    ordered = " ".join(["network-online.target", *(f"callcenter-{name}.service" for name in after)])
    return f"""{HEADER}[Unit]
Description={description}
After={ordered}
Wants=network-online.target

[Service]
Type=notify
ExecStart={command}
KillMode=mixed
TimeoutStopSec={int(stop_seconds) + 15}
Restart=always
RestartSec=1
User=callcenter
WorkingDirectory=/var/lib/callcenter
StateDirectory=callcenter
ConfigurationDirectory=callcenter
LimitNOFILE=65536
AmbientCapabilities=CAP_NET_BIND_SERVICE
{HARDENING}
[Install]
WantedBy=multi-user.target
"""


def systemd() -> dict[str, str]:
    """One unit for everything, and one per role for those who split it."""
    whole = f"/opt/callcenter/bin/callcenter run --config {CONFIG}"
    seconds = sum(role.stop_seconds for role in ROLES)
    files = {"callcenter.service": unit("Contact center, all roles", whole, (), seconds)}
    for role in ROLES:
        files[f"callcenter-{role.name}.service"] = unit(
            f"Contact center: {role.purpose}", f"{whole} --role {role.name}", role.after,
            role.stop_seconds,
        )  # fmt: skip
    return {f"systemd/{name}": text for name, text in files.items()}


def split_roles() -> list[Role]:
    """The roles that get a container: the store is Valkey's own image there."""
    return [role for role in ROLES if role.name != "store"]


def compose() -> str:
    """One container per role around a Valkey of its own, all on the host's network (RTP, SIP)."""
    services = [
        f"""{HEADER}x-role: &role
  image: callcenter:latest
  network_mode: host
  restart: always
  environment:
    CALLCENTER__STORE__URL: unix:///run/valkey/s
  volumes:
    - /etc/callcenter:/etc/callcenter:ro
    - state:/var/lib/callcenter
    - socket:/run/valkey

services:
  store:
    image: valkey/valkey:8
    restart: always
    command: >-
      valkey-server --port 0 --unixsocket /run/valkey/s --unixsocketperm 770
      --appendonly yes --appendfsync always --maxmemory-policy noeviction
    volumes:
      - journal:/data
      - socket:/run/valkey
"""
    ]
    for role in split_roles():
        after = "".join(f"      - {name}\n" for name in role.after)
        depends = f"    depends_on:\n{after}" if after else ""
        services.append(
            f"""  {role.name}:
    <<: *role
    command: [callcenter, run, --config, {CONFIG}, --role, {role.name}]
    stop_grace_period: {int(role.stop_seconds) + 15}s
{depends}"""
        )
    return "\n".join(services) + "\nvolumes:\n  state:\n  journal:\n  socket:\n"


def container() -> str:
    """The image: the wheel on a small Python. Needs glibc 2.28 for the embedded store."""
    return f"""{HEADER}FROM python:3.12-slim
RUN useradd --system --home-dir /var/lib/callcenter --create-home callcenter
COPY dist/callcenter-*.whl /tmp/
RUN pip install --no-cache-dir /tmp/callcenter-*.whl && rm /tmp/*.whl
USER callcenter
WORKDIR /var/lib/callcenter
CMD ["callcenter", "run", "--config", "{CONFIG}"]
"""


def helm() -> dict[str, str]:
    """A chart with one StatefulSet per role."""
    values = [
        HEADER,
        "image: callcenter:latest\n",
        "store:\n  url: redis://valkey:6379/0  # appendonly yes, appendfsync always, noeviction\n",
        "stateSize: 10Gi\nroles:\n",
    ]
    for role in split_roles():
        host = "true" if role.name in ("media", "frontend") else "false"
        values.append(
            f"  {role.name}:  # {role.purpose}; {role.replicas}\n    replicas: 1\n"
            f"    hostNetwork: {host}\n    stopSeconds: {int(role.stop_seconds) + 15}\n"
        )
    chart = "apiVersion: v2\nname: callcenter\nversion: 0.1.0\nappVersion: 0.1.0\n"
    return {
        "helm/Chart.yaml": HEADER + chart + "description: A contact center, one set per role\n",
        "helm/values.yaml": "".join(values),
        "helm/templates/roles.yaml": HEADER + HELM_ROLES,
    }


HELM_ROLES = """\
{{- range $name, $role := .Values.roles }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: callcenter-{{ $name }}
spec:
  serviceName: callcenter-{{ $name }}
  replicas: {{ $role.replicas }}
  selector: { matchLabels: { app: callcenter, role: {{ $name }} } }
  template:
    metadata: { labels: { app: callcenter, role: {{ $name }} } }
    spec:
      hostNetwork: {{ $role.hostNetwork }}
      terminationGracePeriodSeconds: {{ $role.stopSeconds }}
      containers:
        - name: {{ $name }}
          image: {{ $.Values.image }}
          args: [callcenter, run, --config, /etc/callcenter/callcenter.toml, --role, {{ $name }}]
          env:
            - { name: CALLCENTER__STORE__URL, value: {{ $.Values.store.url | quote }} }
          volumeMounts:
            - { name: config, mountPath: /etc/callcenter, readOnly: true }
            - { name: state, mountPath: /var/lib/callcenter }
      volumes:
        - name: config
          secret: { secretName: callcenter-config, defaultMode: 0400 }
  volumeClaimTemplates:
    - metadata: { name: state }
      spec:
        accessModes: [ReadWriteOnce]
        resources: { requests: { storage: {{ $.Values.stateSize }} } }
{{- end }}
"""


def files() -> dict[str, str]:
    """Every generated file, by its path below this folder."""
    return {**systemd(), "compose.yaml": compose(), "Dockerfile": container(), **helm()}


def main() -> int:
    """Write the files, or say which are stale."""
    stale = []
    for name, text in files().items():
        path = HERE / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write("stale, run deploy/generate.py: " + ", ".join(stale) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
