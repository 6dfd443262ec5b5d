"""What a setting was before a command changed it, so that another command can put it back.

One JSON file a subject in /var/lib/skerry. It outlives a reboot and the settings do not, so each entry carries the
boot it belongs to: after a reboot it says what was, not what has to be undone.
"""

import json
import os

from machine.tree import NO_RIGHTS, NoRights

FOLDER = "/var/lib/skerry"


def is_object(value):
    return isinstance(value, dict)


def is_entry(value):
    return is_object(value) and value.keys() >= {"boot", "value"}


class Journal:
    def __init__(self, tree, subject):
        self.tree = tree
        self.name = f"{FOLDER}/{subject}.json"
        self.boot = tree.read("/proc/sys/kernel/random/boot_id", "unknown")
        try:
            entries = json.loads(tree.read(self.name, "{}"))
        except ValueError:
            entries = None
        # Cut short by a crash, or somebody else's: nothing is known, and the file is written anew.
        self.entries = {key: entry for key, entry in entries.items() if is_entry(entry)} if is_object(entries) else {}

    def remember(self, key, value):
        """The first value of a boot stays: a second change must not hide what was there before the first."""
        if not self.is_current(key):
            self.entries[key] = {"boot": self.boot, "value": value}
            self._save()

    def recall(self, key):
        entry = self.entries.get(key)
        return entry and entry["value"]

    def is_current(self, key):
        return key in self.entries and self.entries[key]["boot"] == self.boot

    def forget(self, key):
        if self.entries.pop(key, None) is not None:
            self._save()

    def keys(self):
        return sorted(self.entries)

    def _save(self):
        path = self.tree.path(self.name)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(json.dumps(self.entries, indent=1) + "\n", encoding="utf-8")
            os.replace(part, path)  # the old file or the new one, whatever happens
        except OSError as error:
            if error.errno in NO_RIGHTS:
                raise NoRights(self.name) from error
            raise
