# Keeps what a devbox is like (remember), or makes it so again (restore). Reports what it then is like.
#
#   remember MACHINE NAME - MIB      NAME: of the folder for what is kept
#   restore MACHINE STORE SINCE PROCESSES ROOT...
#
# MACHINE is whose processes are the caller's. A devbox that shares them is left alone.
#
# A report is lines of a word and a text. Needs Linux, and GNU find, tar and coreutils.

set -f
umask 077
export LC_ALL=C
mode=$1 machine=$2 store=$3 since=$4 given=$5
shift 5
me=$(id -u)

say() { printf '%s\n' "$*"; }
give_up() {
    say "impossible $*"
    exit 0
}

[ "$(cat /proc/sys/kernel/random/boot_id) $(readlink /proc/self/ns/pid)" != "$machine" ] ||
    give_up "its processes are this machine's, of which none may be ended"

# Processes

# Set state, parent, flags and begun of a process. Its name may hold anything: what follows the last `)` counts.
look_at() {
    stat=
    while IFS= read -r line || [ -n "$line" ]; do stat="$stat $line"; done 2>/dev/null <"/proc/$1/stat" || return 1
    set -- ${stat##*) }
    [ $# -ge 20 ] || return 1
    state=$1 parent=$2 flags=$7 begun=${20}
}

# Set ours: this process and those above it, which the service has started for it.
find_ours() {
    ours=" " next=$$
    while [ "$next" -gt 0 ] && look_at "$next"; do
        ours="$ours$next "
        next=$parent
    done
}

# Set alive: all others that are neither threads of the kernel nor dead. Starts none itself.
find_alive() {
    alive=
    set +f
    for path in /proc/[0-9]*; do
        set -f
        number=${path#/proc/}
        case $ours in *" $number "*) continue ;; esac
        look_at "$number" || continue
        case $state in Z | X) continue ;; esac
        [ $((flags & 0x200000)) -eq 0 ] || continue
        alive="$alive $number:$begun"
    done
    set -f
}

# End all that were not there from the start, and those that they start meanwhile.
end_others() {
    round=0
    while [ "$round" -lt 60 ]; do
        find_alive
        strangers=
        for process in $alive; do
            case " $given " in *" $process "*) ;; *) strangers="$strangers ${process%%:*}" ;; esac
        done
        [ -n "$strangers" ] || return 0
        kill -9 $strangers 2>/dev/null
        [ "$round" -lt 3 ] || sleep 0.05
        round=$((round + 1))
    done
}

# Files

# Print what all files below the tracked folders look like, a record each: type, mode, owner, size, time, path.
list() {
    for root; do
        find "$root" -maxdepth 0 \( -user "$me" -printf '%y %m %U %G 0 %T@ %p\0' -o -printf '%y %m %U %G 0 0 %p\0' \)
        find "$root" -mindepth 1 -xdev -path "$store" -prune -o \( -type d -printf '%y %m %U %G 0 %T@ %p\0' \
            -o -printf '%y %m %U %G %s %T@ %p\0' \)
    done 2>/dev/null | sort -z
}
paths() { cut -z -d ' ' -f 7- | sort -zu; }
digest() { sha256sum | cut -d ' ' -f 1; }

# Keep a copy of the tracked folders.
keep() {
    size=0
    for root; do
        [ -d "$root" ] && size=$((size + $(du -xsm --apparent-size -- "$root" 2>/dev/null | cut -f 1)))
    done
    [ "$size" -le "$given" ] || give_up "the tracked folders hold $size MiB, and at most $given are kept"
    list "$@" >"$store/list"
    find "$@" -xdev -path "$store" -prune -o -readable ! -type s -print0 2>/dev/null |
        tar -cP --format=posix --no-recursion --null --no-unquote -T - -f "$store/archive" 2>"$store/errors" ||
        give_up "a copy of the tracked folders could not be made: $(head -n 1 "$store/errors")"
    rm "$store/errors"
}

# Put back what is not as it was, or was written to.
put_back() {
    find "$@" -xdev -type d -user "$me" ! -perm -700 -exec chmod u+rwx {} \; 2>/dev/null
    list "$@" >"$store/now"
    comm -z -13 "$store/list" "$store/now" | paths >"$store/other"
    comm -z -23 "$store/list" "$store/now" | paths >"$store/lost"
    # The kernel sets the time of a change, and no program can: that is how a change that hides is found.
    find "$@" -xdev -path "$store" -prune -o ! -type d -newerct "@$since" -print0 2>/dev/null | sort -z >"$store/touched"
    paths <"$store/list" >"$store/known"
    sort -zu "$store/other" "$store/touched" >"$store/suspect"
    { grep -azv '^d ' "$store/now"; grep -azv '^d ' "$store/list"; } | paths >"$store/plain"
    comm -z -23 "$store/suspect" "$store/known" | xargs -0 -r rm -rf --one-file-system -- 2>/dev/null
    comm -z -12 "$store/suspect" "$store/known" >"$store/again"
    comm -z -12 "$store/again" "$store/plain" | xargs -0 -r rm -rf --one-file-system -- 2>/dev/null
    sort -zu "$store/again" "$store/lost" >"$store/files"
    # A folder's time changes with what is put into it.
    sed -z 's|/[^/]*$||' "$store/files" | sort -zu | comm -z -12 - "$store/known" >"$store/folders"
    sort -zu "$store/files" "$store/folders" >"$store/wanted"
    [ ! -s "$store/wanted" ] || from_archive -xp >/dev/null 2>&1
}

from_archive() {
    tar "$@" -P --numeric-owner --no-recursion --null --no-unquote -T "$store/wanted" -f "$store/archive"
}

# Report what differs from the archive of what was put back. A socket is in no archive.
compare_content() {
    comm -z -12 "$store/again" "$store/plain" >"$store/wanted"
    [ -s "$store/wanted" ] || return 0
    from_archive -d >"$store/said" 2>&1 || say "content $(head -n 1 "$store/said")"
}

# Print the folders above the tracked ones. What an overlay copies below them looks like a change of theirs.
above() {
    for path; do
        while [ "$path" != / ]; do
            path=$(dirname "$path")
            say "$path"
        done
    done | sort -u
}

# Report the first thing outside of the tracked folders that was changed.
look_elsewhere() {
    pruned="-path $store" passed=
    for root; do pruned="$pruned -o -path $root"; done
    for path in $(above "$@"); do passed="$passed ! -path $path"; done
    while read -r _ _ _ _ place rest; do
        case $place in /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /run | /run/*) continue ;; esac
        tracked=
        for root; do [ "$place" = "$root" ] && tracked=yes; done
        [ -n "$tracked" ] ||
            find "$(printf '%b' "$place")" -xdev \( $pruned -o -path /var/log \) -prune -o $passed -newerct "@$since" -print -quit 2>/dev/null
    done </proc/self/mountinfo | head -n 1 | while IFS= read -r path; do say "elsewhere $path"; done
    find /dev /run -xdev \( $pruned \) -prune -o -user "$me" ! -type c ! -type l -newerct "@$since" -print -quit 2>/dev/null |
        head -n 1 | while IFS= read -r path; do say "elsewhere $path"; done
}

# The report

listened() {
    for kind in tcp tcp6; do
        while read -r _ here _ state _; do
            [ "$state" != 0A ] || say "$kind $here"
        done 2>/dev/null <"/proc/net/$kind"
    done | sort
}

report() {
    say "mounts $(cut -d ' ' -f 3- /proc/self/mountinfo | sort | digest)"
    say "ports $(listened | digest)"
    say "ipc $(cut -c -22 /proc/sysvipc/shm /proc/sysvipc/sem /proc/sysvipc/msg 2>/dev/null | digest)"
    say "above $(for path in $(above "$@"); do stat -c '%a %u %g %n' "$path" && ls -A "$path"; done | digest)"
    say "files $(list "$@" | digest)"
    say "kept $(digest <"$store/list")"
    say "archive $(digest <"$store/archive")"
    find_alive
    for process in $alive; do say "process $process"; done
}

find_ours
if [ "$mode" = remember ]; then
    for tool in find tar sort comm cut grep xargs sha256sum du head stat dirname sed; do
        command -v "$tool" >/dev/null || give_up "it has no program \`$tool\`"
    done
    find / -maxdepth 0 -printf '' 2>/dev/null || give_up "its \`find\` is not GNU's"
    roots=
    for root in "$HOME" /tmp /var/tmp /dev/shm "$PWD"; do
        [ -d "$root" ] && [ "$root" != / ] || continue
        case $root in *[!A-Za-z0-9_./-]*) give_up "a tracked folder has an unusual name: $root" ;; esac
        for known in $roots; do case $root/ in "$known"/*) continue 2 ;; esac; done
        roots="$roots $root"
    done
    name=$store
    for place in /var/tmp /tmp; do
        store=$place/.$name
        mkdir -m 700 "$store" 2>/dev/null && break
        store=
    done
    [ -n "$store" ] || give_up "nothing can be kept in /var/tmp or /tmp"
    set -- $roots
    keep "$@"
    say "store $store"
    for root; do say "root $root"; done
    report "$@"
    say "since $(date +%s.%N)"
    sleep 0.02 # The kernel's times are that coarse: a later change must not look like one before.
else
    [ -f "$store/list" ] && [ -f "$store/archive" ] || give_up "what was kept of its starting state is gone"
    end_others
    put_back "$@"
    compare_content
    look_elsewhere "$@"
    for path in now other lost touched known suspect plain again files folders wanted said; do rm -f "$store/$path"; done
    [ "$(ls -A "$store" | tr '\n' ' ')" = "archive list " ] || give_up "something was put where its starting state is kept"
    report "$@"
fi
say done
