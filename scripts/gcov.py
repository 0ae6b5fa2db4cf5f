# SPDX-License-Identifier: GPL-2.0
"""What gcov counted, file by file: read, added up, printed as a table, and what was not reached by
its name. Imported by scripts/coverage and scripts/coverage-modules."""
import json
import os
import subprocess

import rig


class File:
    """One file's counts: of its lines, of the branches of each, of its functions."""

    def __init__(self):
        self.lines, self.branches, self.functions = {}, {}, {}

    def add(self, told):
        """What gcov's JSON says of it in one object: what any of its users reached is reached."""
        for line in told["lines"]:
            number = line["line_number"]
            self.lines[number] = self.lines.get(number, 0) + line["count"]
            self.add_branches(number, [b["count"] for b in line["branches"]])
        for function in told["functions"]:
            where = function["start_line"], function["end_line"], function["name"]
            self.functions[where] = self.functions.get(where, 0) + function["execution_count"]

    def add_branches(self, number, new):
        """Inline code in a header is compiled anew for each user: add up what matches."""
        old = self.branches.get(number, [])
        if len(old) == len(new):
            self.branches[number] = [a + b for a, b in zip(old, new)]
        elif not old or (new and sum(map(bool, new)) / len(new) > sum(map(bool, old)) / len(old)):
            self.branches[number] = new

    def numbers(self):
        """Lines reached, lines, branches taken, branches."""
        counts = [c for row in self.branches.values() for c in row]
        return [sum(map(bool, self.lines.values())), len(self.lines),
                sum(map(bool, counts)), len(counts)]

    def function_of(self, number):
        """(name, was it called) of the function that a line is in; ("", True) outside of all."""
        inside = [(start - end, name, count) for (start, end, name), count in self.functions.items()
                  if start <= number <= end]
        return max(inside)[1:] if inside else ("", True)

    def gaps(self):
        """(first line, last line, function, was it called) of what was not reached: one gap as far
        as no reached line and no other function comes between."""
        gap = None
        for number in sorted(self.lines):
            name, called = self.function_of(number)
            if gap and (self.lines[number] or gap[2] != name):
                yield gap
                gap = None
            if not self.lines[number]:
                gap = (gap[0] if gap else number, number, name, bool(called))
        if gap:
            yield gap


def read(files, notes, gcov="gcov"):
    """Adds to FILES (name from the top of the repository: File) what gcov says of one object, by
    its notes (.gcno), beside which its counts (.gcda) are, if it ran at all."""
    done = subprocess.run([gcov, "--json-format", "--stdout", "--branch-probabilities", notes],
                          capture_output=True, text=True)
    if done.returncode or "mismatch" in done.stderr:
        rig.die(f"gcov failed: {done.stderr.strip()}", 2)
    report = json.loads(done.stdout)
    for told in report["files"]:
        # A farm of links (scripts/build) leads to the file itself.
        path = os.path.realpath(os.path.join(report["current_working_directory"], told["file"]))
        name = os.path.relpath(path, rig.TOP)
        if not name.startswith((os.pardir + os.sep, "build" + os.sep)):
            files.setdefault(name, File()).add(told)


def percent(part, whole):
    """Of an empty whole, as the branches of a file without any, everything was reached."""
    return 100.0 * part / whole if whole else 100.0


def table(files):
    """Prints the figures of each file and of all. Return: those of all, in per cent; of nothing
    at all there are none."""
    print(f"{'file':28} {'lines':>14} {'branches':>16}")
    rows = [(name, files[name].numbers()) for name in sorted(files)]
    total = [sum(column) for column in zip([0] * 4, *(numbers for _, numbers in rows))]
    if not total[1] or not total[3]:
        rig.die(f"gcov counted {total[1]} lines and {total[3]} branches in {len(rows)} files", 2)
    for name, numbers in rows + [("all", total)]:
        print(f"{name:28} {numbers[0]:5}/{numbers[1]:<5}{percent(*numbers[:2]):6.1f}% "
              f"{numbers[2]:5}/{numbers[3]:<5}{percent(*numbers[2:]):6.1f}%")
    return percent(*total[:2]), percent(*total[2:])


def source_of(name):
    """The lines of a file of ours."""
    with open(os.path.join(rig.TOP, name), encoding="utf-8") as file:
        return file.read().splitlines()


def show_gaps(files):
    """Names what was not reached: its lines, its function, the text of its first line."""
    for name in sorted(files):
        source = source_of(name)
        for first, last, function, called in files[name].gaps():
            where = f"{name}:{first}" + (f"-{last}" if last > first else "")
            # What the compiler has put into its callers has no name of its own.
            what = "not reached" if called else "never called"
            name_of = f"{function}() " if function else ""
            print(f"  {where}: {name_of}{what}: {source[first - 1].strip()}")


def show_branches(files):
    """Names the lines that were reached with a branch never taken."""
    for name in sorted(files):
        source, file = source_of(name), files[name]
        for number in sorted(file.lines):
            taken = file.branches.get(number, [])
            if file.lines[number] and 0 in taken:
                print(f"  {name}:{number}: {taken.count(0)} of {len(taken)} branches not taken: "
                      f"{source[number - 1].strip()}")
