"""How the commands speak: one line a refusal, with the next step. Exit code 1: refused; 2: the command is wrong."""

import argparse
import shlex
import signal
import sys

from machine.tree import NoRights


class Refused(Exception):
    """Why something is not done, and the next step, in one line."""


class Parser(argparse.ArgumentParser):
    """argparse, with an error of one line that says what is accepted, and help that is the command's own text."""

    def __init__(self, program, accepted, doc):
        super().__init__(prog=program, allow_abbrev=False)
        self.program, self.accepted, self.doc = program, accepted, doc
        self.add_argument("--root", metavar="DIR", default="/")

    def add_verbs(self, *names):
        """One parser a verb; the verb comes out as `verb`."""
        verbs = self.add_subparsers(dest="verb", required=True, metavar="|".join(names), parser_class=Verb)
        return [verbs.add_parser(name, parent=self) for name in names]

    def format_help(self):
        return f"{self.doc.strip()}\n\n    --root=DIR before all else: looks below DIR instead of /; for tests\n"

    def error(self, message):
        print(f"{self.program}: {message}; accepted: {self.accepted}", file=sys.stderr)
        sys.exit(2)


class Verb(Parser):
    """What may stand behind a verb. It has no --root: its default would overwrite what stands before the verb."""

    def __init__(self, parent, prog):
        argparse.ArgumentParser.__init__(self, prog=prog, allow_abbrev=False)
        self.program, self.accepted, self.doc = parent.program, parent.accepted, parent.doc


def run(program, arguments, tree, act):
    """Calls `act(tree)`; its result is the exit code, or 0."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it quietly, as it does other commands
    try:
        return act(tree) or 0
    except Refused as why:
        print(f"{program}: {why}", file=sys.stderr)
    except NoRights as where:
        print(f"{program}: {without_rights(program, arguments, tree, where)}", file=sys.stderr)
    except OSError as error:
        print(f"{program}: {error.filename or 'the kernel'}: {error.strerror}; the last lines of dmesg may say why",
              file=sys.stderr)
    return 1


def without_rights(program, arguments, tree, where):
    again = shlex.join([program, *arguments])
    if tree.is_root_user:
        return f"not even root may write {where} here, as in a container; run on the host: {again}"
    return f"no rights to write {where}; run: sudo {again}"


def at_least(lowest):
    """The type of an argument that is a whole number."""
    def number(text):
        if not text.isdecimal() or int(text) < lowest:
            raise argparse.ArgumentTypeError(f"'{text}' is not a whole number of at least {lowest}")
        return int(text)
    return number
