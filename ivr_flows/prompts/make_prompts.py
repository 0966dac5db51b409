"""Speak every prompt of the shipped flows with espeak-ng and write it as telephone audio.

Why: the demo must be heard without any speech engine, so the audio is committed beside the texts.
Run this after a text has changed; unchanged prompts are left alone, because another version of
espeak-ng sounds different. It is never run by tests: they compare texts and hashes with
`manifest.json`.

    python ivr_flows/prompts/make_prompts.py [--all]

Audio: Sun/NeXT `.au`, G.711 u-law, 8000 Hz, mono. Speech is low-passed at 3.6 kHz before it is
sampled down, cut of silence at both ends, and brought to the same level of its active parts (a
Spanish voice is 4 dB under a Telugu one at equal peaks).

Sources: ITU-T G.711 (u-law), ITU-T P.56 (active level), the Sun audio file format.
"""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from ruamel.yaml import YAML

Samples = npt.NDArray[np.float64]

HERE = Path(__file__).resolve().parent
FLOWS = HERE.parent
VOICES = {"en": "en-us", "es": "es", "te": "te"}
WORDS_PER_MINUTE = {"en": 160, "es": 155, "te": 140}
RATE = 8000
CUTOFF_HZ = 3600.0
TAPS = 255
ACTIVE_RMS = 3200.0  # -20 dB below full scale, of the active parts
PEAK_MAX = 30000.0
FRAME = 160  # 20 ms
ACTIVE_BELOW_LOUDEST_DB = 35.0
LEAD_SECONDS = 0.06
TAIL_SECONDS = 0.22
U_LAW = 1
HEADER_BYTES = 24
LICENCE = "GPL-3.0-or-later; generated with espeak-ng"


def speak(text: str, language: str) -> tuple[Samples, int]:
    """`text` as samples of espeak-ng, and its rate in Hz."""
    command = ["espeak-ng", "--stdout", "-v", VOICES[language]]
    command += ["-s", str(WORDS_PER_MINUTE[language]), text]
    wav = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    rate = int.from_bytes(wav[24:28], "little")
    start = wav.index(b"data") + 8
    body = wav[start : start + (len(wav) - start) // 2 * 2]
    return np.frombuffer(body, dtype="<i2").astype(np.float64), rate


def low_pass(samples: Samples, rate: int) -> Samples:
    """Windowed sinc at `CUTOFF_HZ`."""
    n = np.arange(TAPS) - (TAPS - 1) / 2
    taps = np.sinc(2 * CUTOFF_HZ / rate * n) * np.blackman(TAPS)
    return np.convolve(samples, taps / taps.sum(), mode="same")


def to_telephone(samples: Samples, rate: int) -> Samples:
    """Band-limited and sampled at `RATE`."""
    filtered = low_pass(samples, rate)
    times = np.arange(0, len(filtered) / rate, 1 / RATE)
    found: Samples = np.interp(times * rate, np.arange(len(filtered)), filtered)
    return found


def active_frames(samples: Samples) -> npt.NDArray[np.bool_]:
    """Which 20 ms frames hold speech."""
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    power = (whole**2).mean(axis=1)
    floor = power.max() * 10 ** (-ACTIVE_BELOW_LOUDEST_DB / 10)
    return np.asarray(power > floor)


def levelled(samples: Samples) -> Samples:
    """Silence cut at both ends, active parts at `ACTIVE_RMS`, peaks pressed softly."""
    active = active_frames(samples)
    first, last = np.flatnonzero(active)[[0, -1]]
    start = max(0, int(first * FRAME - LEAD_SECONDS * RATE))
    end = min(len(samples), int((last + 1) * FRAME + TAIL_SECONDS * RATE))
    frames = samples[: len(active) * FRAME].reshape(-1, FRAME)[active]
    loud = samples[start:end] * (ACTIVE_RMS / np.sqrt((frames**2).mean()))
    knee = PEAK_MAX * 0.6
    over = np.abs(loud) - knee
    pressed = knee + (PEAK_MAX - knee) * np.tanh(over / (PEAK_MAX - knee))
    return np.where(over > 0, np.sign(loud) * pressed, loud)


def mu_law(samples: Samples) -> bytes:
    """G.711 u-law of 16-bit samples."""
    linear = np.clip(np.rint(samples), -32635, 32635).astype(np.int64)
    sign = np.where(linear < 0, 0x80, 0)
    magnitude = np.abs(linear) + 132
    exponent = np.floor(np.log2(magnitude)).astype(np.int64) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code = ~(sign | (exponent << 4) | mantissa) & 0xFF
    return code.astype(np.uint8).tobytes()


def au_file(code: bytes) -> bytes:
    """The bytes of an .au file."""
    numbers = (HEADER_BYTES, len(code), U_LAW, RATE, 1)
    return b".snd" + b"".join(number.to_bytes(4, "big") for number in numbers) + code


def texts() -> dict[str, dict[str, str]]:
    """Every prompt, `folder/prompt` -> language -> text."""
    yaml = YAML(typ="safe", pure=True)
    found: dict[str, dict[str, str]] = {}
    for path in sorted(FLOWS.glob("*.yaml")):
        flow = yaml.load(path.read_text("utf-8"))
        for prompt, wordings in flow.get("prompts", {}).items():
            found[f"{flow['flow']}/{prompt}"] = wordings
    for prompt, wordings in yaml.load((HERE / "system.yaml").read_text("utf-8")).items():
        found[f"system/{prompt}"] = wordings
    return found


def version() -> str:
    """The version of espeak-ng, as it says it."""
    done = subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True, text=True)
    return done.stdout.split("Data at")[0].split(":")[-1].strip()


def main() -> None:
    """Bring audio and manifest up to the texts."""
    manifest_path = HERE / "manifest.json"
    old = {} if "--all" in sys.argv else json.loads(manifest_path.read_text("utf-8"))["prompts"]
    new = {}
    for name, wordings in texts().items():
        folder, prompt = name.split("/")
        for language, wording in wordings.items():
            text = " ".join(str(wording).split())
            path = HERE / folder / language / f"{prompt}.au"
            key = path.relative_to(HERE).as_posix()
            if old.get(key, {}).get("text") == text and path.exists():
                new[key] = old[key]
                continue
            data = au_file(mu_law(levelled(to_telephone(*speak(text, language)))))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            new[key] = {
                "text": text,
                "voice": VOICES[language],
                "engine": f"espeak-ng {version()}",
                "seconds": round((len(data) - HEADER_BYTES) / RATE, 2),
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            print(key, new[key]["seconds"])
    for key in old.keys() - new.keys():
        (HERE / key).unlink(missing_ok=True)
    document = {"licence": LICENCE, "prompts": dict(sorted(new.items()))}
    words = json.dumps(document, ensure_ascii=False, indent=1)
    manifest_path.write_text(words + "\n", "utf-8")


if __name__ == "__main__":
    main()
