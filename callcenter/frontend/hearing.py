"""What a caller hears of us: prompts, the emergency announcement, and music while she waits.

Why: while she waits several things would be heard at once. An announcement of an emergency comes
first and is not interrupted, but by an agent; then the flow's words of comfort; else the music.

Sources: `ivr_flows/README.md`, `queue`.
"""

from collections.abc import Sequence

from callcenter.frontend.call_record import CallRecord, Stage
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import MediaLeg

MUSIC_DEFAULT = "music/default"
NO_MUSIC = "none"
ANNOUNCEMENTS = "announcements"
"""Folder of the prompts that belong to no flow."""


class Hearing:
    """On her own leg, when no agent is on it."""

    def __init__(self, hands: Hands, record: CallRecord, media: MediaLeg) -> None:
        self.hands = hands
        self.record = record
        self.media = media

    def say(self, prompts: Sequence[str]) -> bool:
        """Play these prompts; False where they must not interrupt."""
        if self.record.announced:
            return False
        audio = self.hands.config.audio
        self.media.say([audio[name] for name in prompts if name in audio])
        return True

    def said(self) -> None:
        """Everything was said: who waits hears the music again."""
        self.record.announced = ""
        if self.record.stage is Stage.QUEUED:
            self.play_music()

    def stop_saying(self) -> None:
        """She hears no prompt any more."""
        self.media.quiet()
        if self.record.stage is Stage.QUEUED:
            self.play_music()

    def be_quiet(self) -> None:
        """She hears nothing of us: she left the queue."""
        self.record.announced = ""
        self.media.quiet()

    # ---- while she waits ------------------------------------------------------------------

    def begin_to_wait(self, languages: Sequence[str], announcement: str) -> None:
        """She hears the announcement that is in force, if any, and then the music."""
        self.record.announced = self._recorded(languages, announcement)
        if self.record.announced:
            self.media.say([self.record.announced])
        elif not self.media.record.saying:
            self.play_music()

    def _recorded(self, languages: Sequence[str], name: str) -> str:
        """The file of an announcement: a prompt of her flow, or one that belongs to none, in the
        first of her `languages` that has it. Empty, and counted, where nobody has recorded it: who
        waits is not to suffer from a mistyped name."""
        if not name:
            return ""
        audio, folders = self.hands.config.audio, (self.record.flow, ANNOUNCEMENTS)
        places = (f"{folder}/{spoken}/{name}" for spoken in languages for folder in folders)
        found = next((audio[place] for place in places if place in audio), "")
        if not found:
            self.hands.counts["unknown.announcement"] += 1
        return found

    def play_music(self) -> None:
        """The music of her queue, until something else is to be heard."""
        file = self.music_file()
        if file:
            self.media.play_music(file)

    def music_file(self) -> str:
        """What she waits with; empty where the flow says `none`."""
        if self.record.music == NO_MUSIC:
            return ""
        audio = self.hands.config.audio
        return audio.get(f"music/{self.record.music}") or audio.get(MUSIC_DEFAULT, "")
