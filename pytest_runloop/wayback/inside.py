"""Runs a program at a terminal of its own. Its text is run in devboxes, by whatever Python 3 is there.

Arguments: rows, columns, and the program with its arguments. Its terminal's name goes to standard error.
What comes from standard input is typed at that terminal; what the program prints goes to standard output.
"""

import errno
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

# Without a bound a flood would fill the way to the user, and Ctrl-C would be seen after all of it.
RATE = 8 << 20
PIECE = 65536
TYPED_MAX = 1 << 20
IUTF8 = 0o40000


class Terminal:
    """A terminal, and the program that runs at it."""

    def __init__(self, rows: int, columns: int, arguments: "list[str]") -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        modes = termios.tcgetattr(slave)
        modes[0] |= IUTF8
        termios.tcsetattr(slave, termios.TCSANOW, modes)
        os.write(2, ("pytest-runloop-tty " + os.ttyname(slave) + "\n").encode())
        self.child = os.fork()
        if not self.child:
            become(arguments, slave)
        os.close(slave)
        os.set_blocking(self.master, False)
        self.typed = b""
        self.listening = True
        self.free_at = 0.0

    def converse(self, ended: int) -> None:
        """Pass on what is typed and what is shown, until the program ends or nobody types any more."""
        while self.listening or self.typed:
            pause = max(0.0, self.free_at - time.time())
            readers = [ended] + ([] if pause else [self.master])
            if self.listening and len(self.typed) < TYPED_MAX:
                readers.append(0)
            writers = [self.master] if self.typed else []
            ready, writable, _ = select.select(readers, writers, [], pause or None)
            if writable:
                self.type()
            if 0 in ready:
                self.listen()
            if ended in ready or (self.master in ready and not self.show()):
                break
        while self.show():
            pass

    def type(self) -> None:
        """Type what the terminal takes at once."""
        try:
            self.typed = self.typed[os.write(self.master, self.typed[:4096]) :]
        except OSError as error:
            if error.errno != errno.EAGAIN:
                self.typed = b""

    def listen(self) -> None:
        """Take what is to be typed. At its end whoever typed is gone, and the terminal hangs up."""
        data = os.read(0, PIECE)
        self.listening = bool(data)
        self.typed += data

    def show(self) -> bool:
        """Print what the terminal shows next; tell whether there was anything."""
        try:
            data = left = os.read(self.master, PIECE)
        except OSError:
            return False
        while left:
            left = left[os.write(1, left) :]
        self.free_at = max(self.free_at, time.time() - 0.05) + len(data) / float(RATE)
        return bool(data)

    def status(self) -> int:
        """Hang up, wait for the program's end and return its exit status as shells count it."""
        os.close(self.master)
        status = os.waitpid(self.child, 0)[1]
        return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def become(arguments: "list[str]", slave: int) -> None:
    """Be the program, at its terminal."""
    try:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        for number in (0, 1, 2):
            os.dup2(slave, number)
        os.closerange(3, 64)
        for other in (signal.SIGPIPE, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
            signal.signal(other, signal.SIG_DFL)
        os.execvp(arguments[0], arguments)
    except OSError as error:
        os.write(2, (arguments[0] + ": " + str(error.strerror) + "\n").encode())
    os._exit(127)


def main(rows: int, columns: int, arguments: "list[str]") -> int:
    """Run a program; return its exit status."""
    ended, ringing = os.pipe()
    os.set_blocking(ringing, False)
    signal.set_wakeup_fd(ringing)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    terminal = Terminal(rows, columns, arguments)
    terminal.converse(ended)
    return terminal.status()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
