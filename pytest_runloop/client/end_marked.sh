# Ends every process that bears a mark, and all that they start meanwhile, and proves that none is left.
#
#   end_marked MARK SECONDS     SECONDS: for how long it goes on at the most
#
# The mark is the soft limit of file locks, which Linux counts no more: nothing heeds it, and whatever a marked process
# starts inherits it, also in a session of its own, without a parent, with another environment or as another user.
#
# Reports lines of a word and a text. Starts no process itself unless one belongs to another user or it has to pause:
# there may be no room for one.

export LC_ALL=C
mark=$1 seconds=$2

# Tell whether a process bears a value as its mark; 2 if there is no such process any more.
bears() {
    found=2
    while read -r one two three soft _; do
        found=1
        [ "$one $two $three" = "Max file locks" ] || continue
        [ "$soft" != "$2" ] || found=0
        break
    done 2>/dev/null <"/proc/$1/limits"
    return "$found"
}

# Set name, state, group and threads of a process. Its name may hold anything: what follows the last `)` counts.
look_at() {
    stat=
    while IFS= read -r line || [ -n "$line" ]; do stat="$stat $line"; done 2>/dev/null <"/proc/$1/stat"
    [ -n "$stat" ] || return 1
    name=${stat#*\(}
    name=${name%)*}
    set -f
    set -- ${stat##*) }
    set +f
    state=$1 group=$3 threads=${18}
}

# Of a process whose first thread has ended, others may run still.
is_dead() {
    case $state in X) return 0 ;; Z) [ "$threads" -le 1 ] ;; *) return 1 ;; esac
}

# Kill a process, and its group if whoever leads it is marked, too: all of a group die in one moment.
end() {
    kill -9 "$1" 2>/dev/null || refused="$refused $1"
    [ "$group" -gt 1 ] && [ "$group" != "$own" ] || return 0
    bears "$group" "$mark"
    [ $? -eq 1 ] || kill -9 "-$group" 2>/dev/null
}

# Kill what is found, and set alive to it. What was found without the mark is not looked at again, which makes a look
# quick enough for those that hand on from child to child; one that ended before it was looked at may have had children.
look() {
    alive= refused= vanished=
    for path in /proc/[0-9]*; do
        number=${path#/proc/}
        case $strangers in *" $number "*) continue ;; esac
        bears "$number" "$mark"
        case $? in
            0) if look_at "$number" && ! is_dead; then
                alive="$alive $number"
                end "$number"
            fi ;;
            1) strangers="$strangers$number " ;;
            2) vanished=yes ;;
        esac
    done
}

now() { read -r uptime _ </proc/uptime && time=${uptime%%.*}; }

own=
look_at $$ && own=$group
sample=$((mark - 1))
ulimit -Sx "$sample" 2>/dev/null || ulimit -Sw "$sample" 2>/dev/null
bears $$ "$sample" || {
    echo "impossible its kernel does not tell the limits of processes"
    exit 0
}
now
end=$((time + seconds)) strangers=" " looks=0
while look && [ -n "$alive$vanished" ]; do
    now
    [ "$time" -le "$end" ] || break
    [ -z "$refused" ] || sudo -n kill -9 $refused 2>/dev/null
    looks=$((looks + 1))
    [ $((looks % 100)) -ne 0 ] || sleep 0.02
done
for number in $alive; do
    look_at "$number" && ! is_dead && echo "left $number ($name)"
done
[ -n "$alive" ] || [ -z "$vanished" ] || echo "impossible processes come and go faster than they can be looked at"
echo "done $looks"
