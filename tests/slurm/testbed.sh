#!/bin/sh
# testbed.sh - a throw-away Slurm cluster of virtual nodes on one host.
#
#   testbed.sh up       start munged, slurmctld and $TESTBED_NODES x slurmd, wait until all nodes are idle
#   testbed.sh down     cancel the jobs, stop exactly the processes that "up" started, remove the state
#   testbed.sh status   daemons alive? + sinfo + squeue; exit 0 only when every node answers
#   testbed.sh env      print the exports a client shell needs:   eval "$(testbed.sh env)"
#   testbed.sh kill-node N   simulate the loss of node N: SIGKILL its slurmd, its stepds and their tasks
#   testbed.sh start-node N  bring node N back
#   testbed.sh freeze-node N, thaw-node N   simulate a silent loss: the same processes get SIGSTOP / SIGCONT
#
# Settings (environment):
#   TESTBED_DIR    scratch directory, everything lives below it (default ${TMPDIR:-/tmp}/slurm-testbed-<uid>)
#   TESTBED_NODES  number of virtual nodes            (default 2)
#   TESTBED_CPUS   CPUs each node pretends to have    (default 16)
#   TESTBED_GPUS   GPUs each node pretends to have    (default 0; links to /dev/null: enough for Slurm)
#   TESTBED_PORT   first of NODES+1 TCP ports         (default: derived from the directory name)
#   TESTBED_TIMEOUT seconds until a silent node counts as DOWN (default 10; raise it for more than 16 ranks)
#   TESTBED_CONF   further lines for slurm.conf, e.g. "RequeueExit=75" (default: none)
#   TESTBED_KEEP   1: "down" keeps the directory (logs)
#
# Needs the Debian packages slurmctld slurmd slurm-client munge.  Works as root and as an ordinary user
# (then only that user can run jobs).  No systemd, no cgroups, no accounting database, loopback only.
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH

uid=$(id -u)
D=${TESTBED_DIR:-${TMPDIR:-/tmp}/slurm-testbed-$uid}
NODES=${TESTBED_NODES:-2}
CPUS=${TESTBED_CPUS:-16}
GPUS=${TESTBED_GPUS:-0}

die() { echo "testbed: $*" >&2; exit 1; }
say() { echo "testbed: $*" >&2; }

case $D in /*) ;; *) D=$PWD/$D ;; esac
case $D in *[!A-Za-z0-9/._-]*) die "TESTBED_DIR must be a plain path (letters, digits, / . _ -): $D" ;; esac
[ ${#D} -le 80 ] || die "TESTBED_DIR is too long for a unix socket path (80 characters at most): $D"
[ -f "$D/nodes" ] && NODES=$(cat "$D/nodes")
CONF=$D/slurm.conf
SLURM_CONF=$CONF; export SLURM_CONF
last=$((NODES - 1))

# --- processes -------------------------------------------------------------------------------------
# A daemon is remembered by pid and by the kernel's start time of that pid, so that a recycled pid is
# never mistaken for it.
starttime() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
state()     { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f1; }

launch() {      # launch NAME command...   in the background, detached, output to log/NAME.out
    name=$1; shift
    TESTBED_OWNER=$D setsid "$@" </dev/null >>"$D/log/$name.out" 2>&1 &
    echo "$! $(starttime $!)" >"$D/run/$name"
}
alive() {       # alive NAME   (prints the pid)
    [ -f "$D/run/$1" ] || return 1
    read -r p t <"$D/run/$1"
    [ -n "$t" ] && [ "$(starttime "$p")" = "$t" ] || return 1
    case $(state "$p") in Z | X) return 1 ;; esac
    echo "$p"
}
stop() {        # stop NAME SECONDS    TERM, then KILL
    if p=$(alive "$1"); then
        kill -TERM "$p" 2>/dev/null
        n=$(($2 * 10))
        while [ $n -gt 0 ] && alive "$1" >/dev/null; do sleep 0.1; n=$((n - 1)); done
        if p=$(alive "$1"); then say "$1 ($p) ignored SIGTERM, killing it"; kill -KILL "$p" 2>/dev/null; fi
    fi
    rm -f "$D/run/$1"
}
# Step daemons and tasks: only processes that carry this testbed's own mark in their environment.  A slurmd
# passes TESTBED_NODE on to its step daemons; a task has the submitter's environment instead, in it the
# SLURM_CONF of this testbed next to the SLURMD_NODENAME that Slurm sets.   mine NODE...
mine() {
    for m in "$@"; do
        grep -lszxF -e "TESTBED_NODE=$D/$m" /proc/[0-9]*/environ
        grep -lszxF -e "SLURMD_NODENAME=$m" /proc/[0-9]*/environ | while read -r e; do
            grep -lszxF -e "SLURM_CONF=$CONF" "$e"
        done
    done | sed 's|^/proc/||; s|/environ$||' | grep -vx $$
}
# signal NAME PIDS    PIDS are words
signal() {
    # shellcheck disable=SC2086
    [ -z "$2" ] || kill "-$1" $2 2>/dev/null
}
nodes() { i=0; while [ $i -lt "$NODES" ]; do echo n$i; i=$((i + 1)); done; }

busy() {        # busy PORT   is one of PORT..PORT+NODES being listened on?
    i=0
    while [ $i -le "$NODES" ]; do
        grep -qsi ":$(printf %04X $(($1 + i))) 0*:0000 0A" /proc/net/tcp /proc/net/tcp6 && return 0
        i=$((i + 1))
    done
    return 1
}

start_node() {
    mkdir -p "$D/spool/$1" "$D/tmp/$1"; chmod 1777 "$D/tmp/$1"
    TESTBED_NODE=$D/$1 launch "slurmd-$1" slurmd -D -N "$1" -f "$CONF"
}

wait_nodes() {  # all nodes idle/mix/alloc?
    n=$1
    while [ "$n" -gt 0 ]; do
        up=$(sinfo -h -N -t idle,mixed,allocated -o %N 2>/dev/null | sort -u | wc -l)
        [ "$up" = "$NODES" ] && return 0
        sleep 0.1; n=$((n - 1))
    done
    return 1
}

# --- configuration ---------------------------------------------------------------------------------
configure() {
    user=$(id -un)
    # below the ephemeral range (32768..), spread by directory name so that two testbeds can coexist
    port=${TESTBED_PORT:-$((20000 + $(printf %s "$D" | cksum | cut -d' ' -f1) % 400 * 30))}
    n=20
    while [ -z "${TESTBED_PORT:-}" ] && [ $n -gt 0 ] && busy "$port"; do
        port=$((20000 + (port - 20000 + 30) % 12000)); n=$((n - 1))
    done
    gres=
    [ "$GPUS" -eq 0 ] || gres=" Gres=gpu:$GPUS"
    cat >"$CONF" <<CONF
ClusterName=testbed
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
# cred_expire: also the time a requeued job has to wait before it can start again (default 120 s)
AuthInfo=socket=$D/run/munge.socket,cred_expire=5
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation=$D/state
SlurmctldPidFile=$D/run/slurmctld.pid
SlurmctldLogFile=$D/log/slurmctld.log
SlurmdSpoolDir=$D/spool/%n
SlurmdPidFile=$D/run/slurmd-%n.pid
# %n: mpi/pmix makes its per-step directory here; nodes that share one TmpFS collide ("File exists")
TmpFS=$D/tmp/%n
SlurmdLogFile=$D/log/slurmd-%n.log
SlurmctldDebug=info
SlurmdDebug=info
PlugStackConfig=$D/plugstack.conf
TaskProlog=$D/task_prolog
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/filetxt
JobCompLoc=$D/log/jobcomp.log
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
MpiDefault=pmix
ReturnToService=2
JobRequeue=1
KillWait=3
SlurmdTimeout=${TESTBED_TIMEOUT:-10}
SlurmctldTimeout=${TESTBED_TIMEOUT:-10}
MessageTimeout=${TESTBED_TIMEOUT:-10}
BatchStartTimeout=10
InactiveLimit=0
MinJobAge=3600
SlurmdParameters=config_overrides
NodeName=DEFAULT CPUs=$CPUS$gres State=UNKNOWN
NodeName=n[0-$last] NodeHostname=localhost NodeAddr=127.0.0.1 Port=$((port + 1))-$((port + NODES))
PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE DefaultTime=10 State=UP
CONF
    [ "$GPUS" -eq 0 ] || pretend_gpus
    [ -z "${TESTBED_CONF:-}" ] || printf '%s\n' "$TESTBED_CONF" >>"$CONF"
    # The default ("mixed") uses the tree fence at the end of MPI_Init and in MPI_Finalize. Slurm's tree has
    # no children when TreeWidth is larger than the number of nodes of the step, so that fence holds nobody
    # back: a rank that is still in MPI_Init can get a message and crash (6 % of the starts on a loaded host).
    # The ring is a barrier.
    echo "PMIxCollFence=ring" >"$D/mpi.conf"
    : >"$D/plugstack.conf"
    # Open MPI names its shared-memory files by host name, job and local rank. The virtual nodes have one host
    # name, so ranks of different nodes would map each other's files (and crash): one directory per node. Not
    # in the batch script (no step id there): an mpirun in it would pass the first node's directory on to all
    # nodes; its orteds are tasks of a step and get their own.
    cat >"$D/task_prolog" <<PROLOG
#!/bin/sh
[ -z "\${SLURM_STEP_ID:-}" ] || echo "export OMPI_MCA_btl_vader_backing_directory=$D/tmp/\$SLURMD_NODENAME"
PROLOG
    chmod 755 "$D/task_prolog"
}

# Slurm wants device files, numbered at the end; it does not open them.
pretend_gpus() {
    mkdir -p "$D/dev"
    i=0
    while [ "$i" -lt "$GPUS" ]; do ln -s /dev/null "$D/dev/gpu$i"; i=$((i + 1)); done
    echo "GresTypes=gpu" >>"$CONF"
    echo "Name=gpu Flags=nvidia_gpu_env File=$D/dev/gpu[0-$((GPUS - 1))]" >"$D/gres.conf"
}

# --- commands --------------------------------------------------------------------------------------
up() {
    for c in munged slurmctld slurmd srun setsid; do
        command -v $c >/dev/null || die "$c not found"
    done
    if [ -d "$D" ]; then
        for f in "$D"/run/*; do
            if [ -f "$f" ] && alive "${f##*/}" >/dev/null; then die "already up in $D (use: down)"; fi
        done
        [ -f "$CONF" ] || [ -z "$(ls -A "$D")" ] || die "$D exists and is not a testbed"
        rm -rf "$D"
    fi
    umask 022
    mkdir -p "$D/run" "$D/log" "$D/state" "$D/spool" "$D/tmp" || die "cannot create $D"
    echo "$NODES" >"$D/nodes"
    configure
    (umask 077; head -c 128 /dev/urandom >"$D/munge.key")
    launch munged munged --foreground --force --key-file="$D/munge.key" --socket="$D/run/munge.socket" \
        --pid-file="$D/run/munged.pid" --log-file="$D/log/munged.log" --seed-file="$D/run/munged.seed"
    n=50
    while [ $n -gt 0 ] && ! munge -S "$D/run/munge.socket" -n >/dev/null 2>&1; do
        sleep 0.1; n=$((n - 1))
    done
    [ $n -gt 0 ] || { cat "$D/log/munged.out" >&2; down; die "munged did not start"; }
    launch slurmctld slurmctld -D -i -f "$CONF"
    for m in $(nodes); do start_node "$m"; done
    if ! wait_nodes 300; then
        tail -n 20 "$D"/log/*.log "$D"/log/*.out >&2
        TESTBED_KEEP=1; down; die "the nodes did not come up in 30 s"
    fi
    say "up in $D: $NODES nodes x $CPUS cpus"
}

down() {
    [ -d "$D" ] || { say "nothing in $D"; return 0; }
    [ -f "$CONF" ] || die "$D is not a testbed"
    if alive slurmctld >/dev/null; then
        ids=$(timeout 10 squeue -h -o %A 2>/dev/null | sort -u)
        if [ -n "$ids" ]; then
            # shellcheck disable=SC2086     # words
            timeout 10 scancel -f $ids 2>/dev/null
            n=80
            while [ $n -gt 0 ] && [ -n "$(timeout 5 squeue -h 2>/dev/null)" ]; do
                sleep 0.1; n=$((n - 1))
            done
        fi
    fi
    for f in "$D"/run/slurmd-*; do case $f in *.pid | *\*) ;; *) stop "${f##*/}" 5 ;; esac; done
    stop slurmctld 10
    # shellcheck disable=SC2046     # words
    left=$(mine $(nodes))
    if [ -n "$left" ]; then
        say "stopping left-over steps and tasks: $(echo "$left" | tr '\n' ' ')"
        signal TERM "$left"; sleep 1
        # shellcheck disable=SC2046
        signal KILL "$(mine $(nodes))"
    fi
    stop munged 5
    [ "${TESTBED_KEEP:-0}" = 1 ] || rm -rf "$D"
    say "down"
}

status() {
    [ -f "$CONF" ] || { say "not up ($D)"; return 1; }
    rc=0
    for s in munged slurmctld $(nodes | sed 's/^/slurmd-/'); do
        if p=$(alive "$s"); then echo "$s $p"; else echo "$s -"; rc=1; fi
    done
    timeout 10 sinfo -N -o '%N %T %C' || rc=1
    timeout 10 squeue || rc=1
    wait_nodes 1 || rc=1
    return $rc
}

case ${1:-} in
    up) up ;;
    down) down ;;
    status) status ;;
    env) echo "export SLURM_CONF=$CONF" ;;
    kill-node)
        p=$(alive "slurmd-${2:?node}") && kill -KILL "$p"
        signal KILL "$(mine "$2")"
        rm -f "$D/run/slurmd-$2"; exit 0 ;;
    freeze-node) signal STOP "$(alive "slurmd-${2:?node}") $(mine "$2")"; exit 0 ;;
    thaw-node) signal CONT "$(alive "slurmd-${2:?node}") $(mine "$2")"; exit 0 ;;
    start-node) alive "slurmd-${2:?node}" >/dev/null && die "$2 is running"; start_node "$2" ;;
    *) die "usage: testbed.sh up|down|status|env|kill-node N|start-node N|freeze-node N|thaw-node N" ;;
esac
