#!/usr/bin/env python3
"""Audit what Tidegate did to a branch, from what Git says alone.

Shares no code with Tidegate. Reads the repository that was pushed to, which must keep a reflog of the branch
(`core.logAllRefUpdates=true`): the reflog says when each push arrived, `git log` what it brought. Every promotion on the
branch, now or before a force push, is held to this:

  doubled    no promotion id twice, no promotion to what the file already had
  lost       no commit leaves the branch but by a force push (whose new tip says "force: ..."), and at the end every file
             holds the tag that --expect names
  lower      no promotion writes a lower version; only a rollback does
  early      the version was in every file of the environment before for the whole soak, without a break
  held       no hold covered it in the commit that it was made on
  forgotten  no person had left that version, or a higher one, there
  bytes      nothing in the file changed but the tag

A file stands for a service in an environment; its name without the folder must be the same in all environments, and stay.
"""

import argparse
import collections
import datetime
import fnmatch
import functools
import re
import subprocess
import sys

KINDS = ["doubled", "lost", "lower", "early", "held", "forgotten", "bytes"]
TAG = re.compile(rb"^\s*tag:\s*['\"]?([^\s'\"#]+)", re.M)


def git(repository, *arguments, stdin=None):
    command = ["git", "-C", repository, *arguments]
    return subprocess.run(command, input=stdin, stdout=subprocess.PIPE, check=True).stdout


def version(tag):
    return [int(number) for number in re.findall(r"\d+", tag)]


class Commit:
    def __init__(self, name, parents, at, author, message):
        self.name, self.parents, self.at, self.author, self.message = name, parents, at, author, message
        self.changes = []  # (path, blob before, blob after), against the first parent
        self.files = {}  # what the commit holds: path -> blob

    def trailer(self, key):
        found = re.search(rf"^{key}: (.*)$", self.message, re.M)
        return found and found.group(1)

    @property
    def subject(self):
        return self.message.split("\n", 1)[0]


class Audit:
    def __init__(self, options):
        self.options = options
        self.environments = [one.split("=", 1) for one in options.environment]
        self.after = dict(one.split("=", 1) for one in options.after)
        self.soak = {name: float(seconds) for name, seconds in (one.split("=", 1) for one in options.soak)}
        self.blobs = {}
        self.faults = collections.defaultdict(list)
        self.read()

    # Reading.

    def read(self):
        repository, branch = self.options.repository, f"refs/heads/{self.options.branch}"
        log = git(repository, "log", "-g", "--date=unix", "--format=%H %gd", branch).decode().splitlines()
        self.tips = []
        for line in reversed(log):
            name, selector = line.split(" ", 1)
            self.tips.append((name, int(re.search(r"@\{(\d+)\}", selector).group(1))))
        form = "%x01%H%x02%P%x02%ct%x02%an%x02%B%x03"
        log = git(
            repository, "log", "--topo-order", "--reverse", "--stdin", f"--format={form}", "--raw", "--no-abbrev",
            "--no-renames", "--diff-merges=first-parent", "--root",
            stdin="\n".join(dict.fromkeys(name for name, _ in self.tips)).encode(),
        )
        self.commits = {}
        for part in log.split(b"\x01")[1:]:
            head, raw = part.split(b"\x03", 1)
            name, parents, at, author, message = head.decode("utf-8", "replace").split("\x02")
            commit = Commit(name, parents.split(), int(at), author, message)
            if commit.parents:
                commit.files = dict(self.commits[commit.parents[0]].files)
            for line in raw.decode("utf-8", "replace").splitlines():
                if not line.startswith(":"):
                    continue
                meta, path = line.split("\t", 1)
                _, _, before, after, _ = meta.split(" ")
                before, after = (blob if blob.strip("0") else None for blob in (before, after))
                commit.changes.append((path, before, after))
                if after:
                    commit.files[path] = after
                else:
                    commit.files.pop(path, None)
            self.commits[name] = commit
        wanted = {blob for commit in self.commits.values() for _, *blobs in commit.changes for blob in blobs if blob}
        self.read_blobs(sorted(wanted))
        # What each commit reaches, itself included, as the bits of a number.
        self.bits, self.above = {}, {}
        for index, (name, commit) in enumerate(self.commits.items()):
            self.bits[name] = 1 << index
            self.above[name] = self.bits[name]
            for parent in commit.parents:
                self.above[name] |= self.above[parent]

    def read_blobs(self, names):
        data = git(self.options.repository, "cat-file", "--batch", stdin="\n".join(names).encode())
        at = 0
        for name in names:
            end = data.index(b"\n", at)
            size = int(data[at:end].split()[2])
            self.blobs[name] = data[end + 1 : end + 1 + size]
            at = end + 2 + size

    def reaches(self, name, other):
        return bool(self.above[name] & self.bits[other])

    # What files say.

    def place(self, path):
        """The environment of a file, and its name there."""
        for name, pattern in self.environments:
            if fnmatch.fnmatch(path, pattern):
                return name, path.rsplit("/", 1)[-1]
        return None

    @functools.cache
    def tag(self, blob):
        found = blob and TAG.search(self.blobs[blob])
        return found and found.group(1).decode()

    @functools.cache
    def tags(self, commit):
        """What each place holds."""
        held = collections.defaultdict(set)
        for path, blob in commit.files.items():
            place = self.place(path)
            if place and self.tag(blob):
                held[place].add(self.tag(blob))
        return held

    def moves(self, commit):
        """What a commit moved against its first parent: place -> (before, after)."""
        before, after = {}, {}
        for path, old, new in commit.changes:
            place = self.place(path)
            if place:
                before.setdefault(place, self.tag(old))
                before[place] = before[place] or self.tag(old)
                after[place] = after.get(place) or self.tag(new)
        return {at: (before[at], after[at]) for at in before if before[at] and after[at] and before[at] != after[at]}

    def controls(self, commit, kind):
        """The control files of a kind that count in a commit, as functions from keys to values."""
        for path, blob in commit.files.items():
            text = self.blobs[blob].decode("utf-8", "replace") if path.startswith(".tidegate/") else ""
            if not re.search(rf"^kind: *{kind} *$", text, re.M):
                continue

            def value(key, text=text):
                found = re.search(rf"^{key}: *['\"]?(.*?)['\"]? *$", text, re.M)
                return found and found.group(1)

            expires = value("expires")
            if expires and datetime.datetime.fromisoformat(expires.replace("Z", "+00:00")).timestamp() <= commit.at:
                continue
            yield path, value

    def holds(self, commit, service, environment):
        for path, value in self.controls(commit, "Hold"):
            environments = re.findall(r"[^\s,\[\]'\"-][^\s,\[\]'\"]*", value("environments") or "")
            if value("service") in (None, service) and (not environments or environment in environments):
                yield path

    def is_quarantined(self, commit, service, tag):
        files = self.controls(commit, "Quarantine")
        return any(value("service") == service and version(value("version")) == version(tag) for _, value in files)

    # Judging.

    def fault(self, kind, commit, text):
        self.faults[kind].append(f"{commit.name[:12]} {commit.subject!r}: {text}")

    def run(self):
        self.lowerings, self.raises = collections.defaultdict(list), collections.defaultdict(list)
        for commit in self.commits.values():
            is_own = bool(commit.trailer("Tidegate-Promotion"))
            is_rollback = bool(commit.trailer("Tidegate-Rollback"))
            # A merge brings what others moved.
            moves = self.moves(commit) if len(commit.parents) == 1 else {}
            for place, (old, new) in moves.items():
                if version(new) > version(old):
                    self.raises[place].append((commit.name, new))
                elif not is_own or is_rollback:
                    self.lowerings[place].append((commit.name, old))
        self.forced = []  # (index of the push, place, tag that it took away)
        self.pushes()
        self.arrival, seen, names = {}, 0, list(self.commits)
        for at, (tip, _) in enumerate(self.tips):
            new, seen = self.above[tip] & ~seen, seen | self.above[tip]
            while new:
                lowest = new & -new
                self.arrival[names[lowest.bit_length() - 1]] = at
                new ^= lowest
        ids = collections.Counter()
        promotions = [commit for commit in self.commits.values() if commit.trailer("Tidegate-Promotion")]
        for commit in promotions:
            for key in re.findall(r"^Tidegate-Promotion: (.*)$", commit.message, re.M):
                ids[key] += 1
                if ids[key] > 1:
                    self.fault("doubled", commit, f"promotion {key} is there already")
            self.promotion(commit)
        self.end()
        rollbacks = sum(1 for commit in promotions if commit.trailer("Tidegate-Rollback"))
        forced = len({at for at, *_ in self.forced})
        merges = sum(1 for commit in self.commits.values() if len(commit.parents) > 1)
        print(
            f"{len(self.tips)} pushes, {len(self.commits)} commits, {merges} merges, {forced} force pushes, "
            f"{len(promotions) - rollbacks} promotions, {rollbacks} rollbacks"
        )
        print(", ".join(f"{len(self.faults[kind])} {kind}" for kind in KINDS))
        for kind in KINDS:
            for fault in self.faults[kind]:
                print(f"{kind}: {fault}", file=sys.stderr)
        return any(self.faults.values())

    def pushes(self):
        for at in range(1, len(self.tips)):
            old, new = (self.commits[self.tips[index][0]] for index in (at - 1, at))
            if self.reaches(new.name, old.name):
                continue
            if not new.subject.startswith("force: "):
                self.fault("lost", old, f"a push replaced it by {new.name[:12]}")
            self.forced.append((at, None, None))
            after = self.tags(new)
            for place, tags in self.tags(old).items():
                lowest = min((version(tag) for tag in after.get(place, ())), default=None)
                for tag in tags:
                    if lowest is not None and lowest < version(tag):
                        self.forced.append((at, place, tag))

    def promotion(self, commit):
        if len(commit.parents) != 1:
            return self.fault("bytes", commit, "a promotion is a merge")
        base = self.commits[commit.parents[0]]
        moves = self.moves(commit)
        if not moves:
            return self.fault("doubled", commit, "it moves nothing")
        is_rollback = bool(commit.trailer("Tidegate-Rollback"))
        for path, old, new in commit.changes:
            if self.place(path) and old and new:
                swapped = self.blobs[old].replace(self.tag(old).encode(), self.tag(new).encode())
                if swapped != self.blobs[new]:
                    self.fault("bytes", commit, path)
        for place, (old, new) in moves.items():
            if is_rollback:
                continue
            environment, name = place
            if version(new) <= version(old):
                self.fault("lower", commit, f"{environment} {name}: {old} -> {new}")
            self.soaked(commit, environment, name, new)
            service = commit.trailer("Tidegate-Service")
            for path in self.holds(base, service, environment):
                self.fault("held", commit, f"{environment} {name}: {path}")
            left = self.left(commit, base, service, place, new)
            if left:
                self.fault("forgotten", commit, f"{environment} {name}: {new}, but {left}")

    def soaked(self, commit, environment, name, tag):
        before, needed = self.after.get(environment), self.soak.get(environment, 0)
        if not before or not needed:
            return
        place, since = (before, name), None
        for at in range(self.arrival[commit.name] - 1, -1, -1):
            tip, pushed_at = self.tips[at]
            if self.tags(self.commits[tip]).get(place) != {tag}:
                break
            since = pushed_at
        ran = -1 if since is None else commit.at - since
        if ran < needed - self.options.slack:
            self.fault("early", commit, f"{environment} {name}: {tag} ran {ran} s in {before}, not {needed:.0f} s")

    def left(self, commit, base, service, place, tag):
        """Who left this version or a higher one, before the commit and without going back to it."""

        def is_left(old, unless_below):
            if version(old) < version(tag):
                return False
            if version(old) > version(tag) and self.is_quarantined(base, service, old):
                return False
            return not any(
                version(to) >= version(old) and self.reaches(base.name, back) and not self.reaches(unless_below, back)
                for back, to in self.raises[place]
            )

        for name, old in self.lowerings[place]:
            if self.reaches(base.name, name) and is_left(old, name):
                return f"{self.commits[name].author} left {old} by {name[:12]}"
        for at, where, old in self.forced:
            if where == place and at < self.arrival[commit.name] and is_left(old, self.tips[at][0]):
                return f"a force push took {old} away"
        return None

    def end(self):
        if not self.options.expect:
            return
        tip = self.commits[self.tips[-1][0]]
        for (environment, name), tags in sorted(self.tags(tip).items()):
            if tags != {self.options.expect}:
                self.fault("lost", tip, f"{environment} {name} holds {', '.join(sorted(tags))} at the end")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("--branch", default="main")
    parser.add_argument("--environment", action="append", default=[], metavar="NAME=GLOB", help="the files of one")
    parser.add_argument("--after", action="append", default=[], metavar="NAME=NAME", help="the environment before one")
    parser.add_argument("--soak", action="append", default=[], metavar="NAME=SECONDS")
    parser.add_argument(
        "--slack", type=float, default=0,
        help="seconds by which a person's commit may be older than its push: the time between two fetches",
    )
    parser.add_argument("--expect", metavar="TAG", help="what every file holds at the end")
    sys.exit(Audit(parser.parse_args()).run())


if __name__ == "__main__":
    main()
