# shellcheck shell=bash
# A throw-away Debian with a real systemd as PID 1, in systemd-nspawn on an overlay of a cached root folder.
# Sourced by `run`. Use: machine_prepare, machine_boot, inside COMMAND…, machine_stop (also from a trap, at any time).

SUITE=${LAB_SUITE:-trixie}
CACHE=${XDG_CACHE_HOME:-/var/tmp}/refreshd-systemd-lab
PACKAGES=systemd,systemd-sysv,dbus,libnss-systemd,iproute2,procps,python3,openssl,ca-certificates,libsqlite3-0,libsystemd0
LIFETIME=3600 # seconds after which a forgotten machine ends by itself

WORK='' LEADER='' SUPERVISOR='' GROUP=''

skip() {
    printf 'SKIPPED: %s. Nothing of the real-systemd test was run.\n' "$*" >&2
    exit 77
}

# ---------------------------------------------------------------------------------------------------- the root folder
machine_packages() {
    local missing=()
    command -v systemd-nspawn >/dev/null || missing+=(systemd-container)
    command -v mmdebstrap >/dev/null || missing+=(mmdebstrap)
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || skip "needs ${missing[*]}, and there is no apt-get"
    echo "installing ${missing[*]}" >&2
    local install=(timeout 300 apt-get -qq -y --no-install-recommends -o DPkg::Lock::Timeout=120 install "${missing[@]}")
    "${install[@]}" >/dev/null 2>&1 || { timeout 300 apt-get -qq update && "${install[@]}" >/dev/null; } >&2 ||
        skip "apt-get cannot install ${missing[*]}"
}

# This machine's own source of Debian, which it is known to reach.
mirror() {
    # shellcheck disable=SC2016 # apt expands it
    apt-get indextargets --format '$(REPO_URI)|$(COMPONENT)|$(LABEL)' 'Created-By: Packages' 2>/dev/null |
        awk -F'|' '$2 == "main" && $3 == "Debian" { print $1; exit }'
}

machine_prepare() {
    [ "$(id -u)" = 0 ] || skip "needs root"
    unshare -m true 2>/dev/null || skip "has no right to make name spaces"
    machine_packages
    ROOT=$CACHE/root-$SUITE-$(printf '%s' "$PACKAGES" | cksum | cut -d' ' -f1)
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock -w 900 9 || skip "another run has held $CACHE/lock for 15 minutes"
    if [ ! -e "$ROOT/.complete" ]; then
        local source
        source=$(mirror)
        echo "making the root folder $ROOT (once; a minute)" >&2
        rm -rf --one-file-system "$CACHE/root-$SUITE"-*
        TMPDIR=$CACHE timeout -k 10 900 mmdebstrap --mode=root --variant=minbase --format=directory \
            --aptopt='Acquire::Retries "3"' --aptopt='Acquire::Languages "none"' \
            --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
            --include="$PACKAGES" "$SUITE" "$ROOT" ${source:+"$source"} </dev/null 9>&- >"$CACHE/mmdebstrap.log" 2>&1 ||
            skip "cannot make the root folder: $(tail -n 3 "$CACHE/mmdebstrap.log" | tr '\n' ' ')"
        : >"$ROOT/etc/machine-id"
        : >"$ROOT/etc/resolv.conf"
        echo lab >"$ROOT/etc/hostname"
        printf '127.0.0.1 localhost lab\n::1 localhost\n' >"$ROOT/etc/hosts"
        mkdir -p "$ROOT/var/log/journal"
        ln -sfn /usr/lib/systemd/system/multi-user.target "$ROOT/etc/systemd/system/default.target"
        local unit
        for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
            fstrim.timer systemd-pcrphase.service systemd-pcrphase-sysinit.service console-getty.service getty.target; do
            ln -sfn /dev/null "$ROOT/etc/systemd/system/$unit"
        done
        touch "$ROOT/.complete"
    fi
    exec 9>&-
}

# ------------------------------------------------------------------------------------------------------ boot and stop
children_of() { cat "/proc/$1/task/$1/children" 2>/dev/null; }

# Among the descendants of $1, the one that is PID 1 of a name space of its own.
find_leader() {
    local child
    for child in $(children_of "$1"); do
        if [ "$(awk '/^NSpid:/ && NF > 2 { print $NF }' "/proc/$child/status" 2>/dev/null)" = 1 ]; then
            echo "$child"
            return 0
        fi
        find_leader "$child" && return 0
    done
    return 1
}

mount_overlay() {
    local options="lowerdir=$ROOT,upperdir=$WORK/rw/upper,workdir=$WORK/rw/work"
    mkdir -p "$WORK/root" "$WORK/rw/upper" "$WORK/rw/work"
    mount -t overlay refreshd-lab -o "$options" "$WORK/root" 2>/dev/null && return
    # The cache may lie on a file system that cannot be an upper one.
    mount -t tmpfs -o size=2G,mode=755 refreshd-lab "$WORK/rw" || return
    mkdir -p "$WORK/rw/upper" "$WORK/rw/work"
    mount -t overlay refreshd-lab -o "$options" "$WORK/root"
}

# machine_boot FOLDER[:PLACE]…: boots; the folders are visible inside, read-only, at the same path or at PLACE.
# Not below /tmp or /run: systemd inside mounts its own there.
machine_boot() {
    WORK=$(mktemp -d "$CACHE/run-XXXXXX")
    mount_overlay || skip "cannot mount an overlay"
    local arguments=(--directory="$WORK/root" --boot --machine="refreshd-lab-$$" --hostname=lab --register=no --private-network
        --console=read-only --link-journal=no --resolv-conf=off --timezone=off
        "--system-call-filter=@memlock @keyring @sandbox bpf")
    local folder
    for folder in "$@"; do arguments+=(--bind-ro="$folder"); done
    if [ ! -d /run/systemd/system ]; then
        # systemd inside wants a control group tree of its own, and nobody here makes one.
        arguments+=(--keep-unit)
        local tree
        tree=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
        if [ -z "$tree" ]; then
            tree=$CACHE/cgroup2
            mkdir -p "$tree"
            mount -t cgroup2 none "$tree" 2>/dev/null || skip "this kernel gives no cgroup2 mount"
        fi
        mkdir "$tree/refreshd-lab-$$" 2>/dev/null || skip "cannot make a control group below $tree"
        GROUP=$tree/refreshd-lab-$$
    fi
    (
        [ -z "$GROUP" ] || echo 0 >"$GROUP/cgroup.procs"
        export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_TMPFS_TMP=0 SYSTEMD_COLORS=0 TERM=dumb
        exec setsid timeout -k 10 "$LIFETIME" systemd-nspawn "${arguments[@]}" </dev/null >"$WORK/console.log" 2>&1
    ) &
    SUPERVISOR=$!
    local end=$((SECONDS + 60)) state=''
    until LEADER=$(find_leader "$SUPERVISOR"); do
        kill -0 "$SUPERVISOR" 2>/dev/null || skip "systemd-nspawn does not work here: $(tail -n 2 "$WORK/console.log" | tr '\n' ' ')"
        [ $SECONDS -lt $end ] || skip "nothing booted within a minute"
        sleep 0.05
    done
    until [ "$state" = running ] || [ "$state" = degraded ]; do
        [ $SECONDS -lt $end ] || skip "systemd did not come up within a minute (state: ${state:-none})"
        sleep 0.1
        state=$(inside systemctl is-system-running 2>/dev/null) || true
    done
    echo "booted: $(inside systemctl --version | head -n 1)" >&2
}

# Runs a command inside as root, with a clean environment and without the rights that reach the host's clock or modules.
# Two minutes at most, or LIMIT seconds; standard input is not read unless STDIN=1.
inside() (
    [ "${STDIN:-0}" = 1 ] || exec </dev/null
    # Into the control group of the container's PID 1: else journald and logind inside cannot tell where it belongs.
    place=$(sed -n 's/^0:://p' "/proc/$LEADER/cgroup")
    { echo 0 >"$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)$place/cgroup.procs"; } 2>/dev/null
    exec timeout -k 5 "${LIMIT:-120}" nsenter -t "$LEADER" -m -u -i -n -p -C -- \
        setpriv --bounding-set=-sys_time,-sys_module,-sys_rawio,-sys_boot,-mac_admin,-mac_override \
        env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root USER=root LANG=C.UTF-8 TERM=dumb \
        SYSTEMD_COLORS=0 SYSTEMD_PAGER= "$@"
)

# put FILE PATH: copies a file in.
put() {
    local mode
    mode=$(stat -Lc %a "$1")
    # shellcheck disable=SC2016 # expanded inside
    STDIN=1 inside sh -c 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"' sh "$2" "$mode" <"$1"
}

machine_stop() {
    local end
    if [ -n "$LEADER" ] && kill -0 "$LEADER" 2>/dev/null; then
        kill -s RTMIN+3 "$LEADER" # what asks systemd for a clean halt
        end=$((SECONDS + 20))
        while kill -0 "$LEADER" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
        kill -KILL "$LEADER" 2>/dev/null # takes everything inside along
    fi
    if [ -n "$SUPERVISOR" ]; then
        end=$((SECONDS + 5))
        while kill -0 "$SUPERVISOR" 2>/dev/null && [ $SECONDS -lt $end ]; do sleep 0.1; done
        kill -TERM "$SUPERVISOR" 2>/dev/null
        wait "$SUPERVISOR" 2>/dev/null
    fi
    if [ -n "$GROUP" ]; then
        [ ! -e "$GROUP/cgroup.kill" ] || echo 1 >"$GROUP/cgroup.kill" 2>/dev/null
        # The killed leave their groups a moment later. nspawn makes one in systemd's own v1 hierarchy too, if there is one.
        local tree trees
        mapfile -t trees < <(awk '$3 ~ /^cgroup/ { print $2 }' /proc/mounts)
        end=$((SECONDS + 3))
        for tree in "${trees[@]}"; do
            while [ -d "$tree/refreshd-lab-$$" ] && [ $SECONDS -lt $end ]; do
                find "$tree/refreshd-lab-$$" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.1
            done
        done
    fi
    if [ -n "$WORK" ]; then
        umount "$WORK/root" 2>/dev/null || umount -l "$WORK/root" 2>/dev/null
        rm -rf "/run/systemd/nspawn/propagate/refreshd-lab-$$" "/run/systemd/nspawn/unix-export/refreshd-lab-$$"
        mountpoint -q "$WORK/rw" && umount "$WORK/rw"
        rm -rf --one-file-system "$WORK"
    fi
    LEADER='' SUPERVISOR='' GROUP='' WORK=''
    return 0
}
