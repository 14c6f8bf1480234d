"""For tests: a terminal without a window, that remembers what is to be seen on it."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios


class Terminal:
    """A program on a terminal of its own, and what is to be seen on that."""

    def __init__(self, *arguments, columns=100, rows=24, term="xterm"):
        self.columns, self.rows = columns, rows
        self.lines = [[] for _ in range(rows)]
        self.gone = []  # scrolled away at the top
        self.row = self.column = 0
        self.raw = ""
        self.pending = b""
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            arguments, stdin=slave, stdout=slave, stderr=slave,
            env=dict(os.environ, TERM=term), start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(slave)

    def read(self):
        """Takes what was written meanwhile; False once the program has ended."""
        try:
            self.pending += os.read(self.master, 65536)
        except OSError:
            return False
        end = len(self.pending)  # of the last whole character, and escape code
        while end > 0 and self.pending[end - 1] >= 0x80:
            end -= 1
        escape = self.pending.rfind(b"\033", 0, end)
        if escape >= 0 and not re.match(rb"\033\[[0-9;?]*[A-Za-z]", self.pending[escape:end]):
            end = escape
        text, self.pending = self.pending[:end].decode(), self.pending[end:]
        self.raw += text
        for code, character in re.findall(r"\033\[([0-9;?]*[A-Za-z])|([\s\S])", text):
            self.obey(code) if code else self.put(character)
        return True

    def put(self, character):
        if character == "\r":
            self.column = 0
            return
        if character == "\n" or self.column == self.columns:
            self.row += 1
            if self.row == self.rows:
                self.row -= 1
                self.gone.append(self.lines.pop(0))
                self.lines.append([])
        if character != "\n":
            self.column %= self.columns
            line = self.lines[self.row]
            line.extend(" " * (self.column - len(line)))
            line[self.column:self.column + 1] = character
            self.column += 1

    def obey(self, code):
        if code[-1] == "A":
            self.row = max(0, self.row - int(code[:-1]))
        elif code in ("K", "J"):
            del self.lines[self.row][self.column:]
            for row in range(self.row + 1, self.rows if code == "J" else 0):
                self.lines[row] = []
        else:
            raise AssertionError("an escape code that would have to be undone: " + code)

    def screen(self):
        """The lines, those that have scrolled away included, down to the last that isn't empty."""
        lines = ["".join(line).rstrip() for line in self.gone + self.lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def read_until(self, condition):
        while not condition():
            if not self.read():
                raise AssertionError("ended too early: " + self.raw)

    def end(self):
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait(timeout=120)
