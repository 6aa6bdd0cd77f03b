"""How the OpenSSH server runs inside a box: one `sshd -i` for each connection, with nothing on the disk.

Its keys come as a descriptor to a file in memory, which holds the private host key and, after it, the
public keys of those who may log in: readers of one kind skip the other. `sshd` closes what it inherits,
and so a shell stays above it and keeps two things in reach under `/proc`: that file, and, as its own
environment, the environment of the devbox. A session takes the variables from there. In a file of `sshd`'s
they could have no line breaks, and on a command line everybody could read them.
"""

from __future__ import annotations

import os
import shlex

# Where distributions have it: sshd finds its own only by what it was compiled with, and a forced command
# cannot name that.
_SFTP = " ".join(
    f"{place}/sftp-server"
    for place in ("/usr/lib/openssh", "/usr/libexec/openssh", "/usr/lib/ssh", "/usr/libexec", "/usr/lib/misc")
)

# No apostrophe and no hash: it goes through sshd's reader of options. `@SELF@` is the shell above sshd.
_SESSION = """
while IFS= read -rd "" _pair; do export -- "$_pair"; done 2>/dev/null </proc/@SELF@/environ;
cd; _command=${SSH_ORIGINAL_COMMAND-}; unset _pair SSH_ORIGINAL_COMMAND;
case $_command in
"") exec -l bash ;;
sftp-server) for _place in @SFTP@; do [ ! -x $_place ] || exec $_place; done;
    echo "there is no sftp-server in the devbox" >&2; exit 127 ;;
*) @COMMAND@ ;;
esac
"""
_COMMAND = 'exec bash -lc "$_command"'
# A login begins with a PATH of its own.
_COMMAND_WITH_PATH = r'export _path=$PATH; exec bash -lc "PATH=\$_path; unset _path; $_command"'

_OPTIONS = {
    "AuthenticationMethods": "publickey",
    "AuthorizedKeysFile": "/proc/$self/fd/3",
    "HostKey": "/proc/$self/fd/3",
    "LogLevel": "ERROR",
    "PermitUserRC": "no",
    "PidFile": "none",
    "PrintLastLog": "no",
    "PrintMotd": "no",
    # Else some distributions' bash takes itself for the first shell of an SSH session, and reads ~/.bashrc
    # of an account whose home is not the devbox's.
    "SetEnv": "SHLVL=1",
    # The file in memory lies in no directory that could be too open.
    "StrictModes": "no",
    "Subsystem": "sftp sftp-server",
    "UseDNS": "no",
}

NO_SERVER = 3
"""The exit status of a box without an OpenSSH server."""

# Its place differs between distributions; for an ordinary user there is none and no need for one.
_PREPARE = """
exec 3<&1 1>&0
read -r self _ </proc/self/stat
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
sshd=$(command -v sshd) || exit @NO_SERVER@
if [ "$(id -u)" = 0 ]; then mkdir -p /run/sshd && chmod 755 /run/sshd; fi
"""

# sshd gives up root for the account `sshd`, and checks that it did. Where root is the only id, that
# account has to be root's.
_ACCOUNT = """
if [ "$(id -u)" = 0 ]; then
    read -r _ _ ids </proc/self/uid_map
    if [ "$ids" = 1 ]; then
        grep -v ^sshd: /etc/passwd >/etc/passwd.sshd
        echo sshd:x:0:0::/run/sshd:/usr/sbin/nologin >>/etc/passwd.sshd
        mv /etc/passwd.sshd /etc/passwd
    elif ! grep -q ^sshd: /etc/passwd; then
        echo sshd:x:74:65534::/run/sshd:/usr/sbin/nologin >>/etc/passwd
    fi
fi
"""


def checking() -> list[str]:
    """Return the command that prepares a box for SSH, and says what is wrong with its server."""
    return ["sh", "-c", _script("-t", _ACCOUNT)]


def serving(*, keep_path: bool) -> list[str]:
    """Return the command that serves one connection, which is its standard input.

    :param keep_path: let the PATH of its environment win over that of a login.
    """
    return ["sh", "-c", _script("-i -e", "", keep_path=keep_path)]


def keys_file(host_key: str, authorized: list[str]) -> int:
    """Return a descriptor of a file in memory with the keys, which the caller closes."""
    descriptor = os.memfd_create("ssh-keys")
    try:
        os.fchmod(descriptor, 0o600)
        os.write(descriptor, "\n".join([host_key.strip(), *authorized, ""]).encode())
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _script(mode: str, prepare: str, *, keep_path: bool = False) -> str:
    session = " ".join(_SESSION.split()).replace("@SFTP@", _SFTP)
    session = session.replace("@COMMAND@", _COMMAND_WITH_PATH if keep_path else _COMMAND)
    options = " ".join(f'-o "{name}={value}"' for name, value in _OPTIONS.items())
    # A single quote ends and begins the text, so that the shell puts its number there.
    forced = shlex.quote(f"ForceCommand={session}").replace("@SELF@", "'$self'")
    first = _PREPARE.replace("@NO_SERVER@", str(NO_SERVER))
    return f'{first}{prepare}"$sshd" {mode} -f /dev/null {options} -o {forced}\nexit $?\n'
