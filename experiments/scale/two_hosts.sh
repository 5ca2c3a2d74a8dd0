#!/usr/bin/env bash
# usage: experiments/scale/two_hosts.sh RATE COMMAND...     (as root; RATE as tc says it: 1gbit, 10gbit, or none)
# Runs COMMAND by mpirun as one process on each of two hosts: network namespaces with names of their own, joined by a
# link of that rate. CUT=SECONDS cuts the link after so many.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 2 $# "$@"
rate=$1
shift
work=$(mktemp -d -u)
# Several may run at once, each with hosts of its own. The name of a link has 15 letters at most.
hosts=("espalier-a-$$" "espalier-b-$$")
links=("link-a-$$" "link-b-$$")
addresses=(10.77.0.1 10.77.0.2)

# shellcheck disable=SC2317 # called by the trap
clean() {
  for host in "${hosts[@]}"; do
    ip netns pids "$host" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns delete "$host" 2>/dev/null || true
    rm -rf "${TMPDIR:-/tmp}/ompi.$host".* # Open MPI's, where it was killed
  done
  rm -rf "$work"
}
trap clean EXIT

clean # what a killed one of the same number left
mkdir "$work"

# Everything on a host: its network, its name.
cat >"$work/on" <<'END'
#!/bin/sh
# on HOST COMMAND...
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c 'hostname "$1"; shift; exec "$@"' sh "$host" "$@"
END
# What mpirun takes for ssh: the host by its address, and a line for a shell.
cat >"$work/agent" <<END
#!/bin/sh
address=\$1
shift
case \$address in
  ${addresses[0]}) host=${hosts[0]} ;;
  ${addresses[1]}) host=${hosts[1]} ;;
  *) echo "no host \$address" >&2; exit 1 ;;
esac
exec "$work/on" "\$host" sh -c "\$*"
END
chmod +x "$work/on" "$work/agent"

for host in "${hosts[@]}"; do ip netns add "$host"; done
ip link add "${links[0]}" netns "${hosts[0]}" type veth peer name "${links[1]}" netns "${hosts[1]}"
for i in 0 1; do
  ip -n "${hosts[i]}" address add "${addresses[i]}/24" dev "${links[i]}"
  ip -n "${hosts[i]}" link set lo up
  ip -n "${hosts[i]}" link set "${links[i]}" up
  [ "$rate" = none ] || tc -n "${hosts[i]}" qdisc add dev "${links[i]}" root tbf rate "$rate" burst 1mb latency 50ms
done

if [ -n "${CUT:-}" ]; then
  (sleep "$CUT"; ip -n "${hosts[0]}" link set "${links[0]}" down; echo "two_hosts: link cut after $CUT s" >&2) &
fi

status=0
OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$work/on" "${hosts[0]}" \
  mpirun --host "${addresses[0]}:1,${addresses[1]}:1" -np 2 --bind-to none --mca plm_rsh_agent "$work/agent" \
  --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
  "$@" || status=$?
# The other host notices a cut link by itself, within seconds of this one.
for host in "${hosts[@]}"; do
  for ((second = 0; second < 15; ++second)); do
    left=$(ip netns pids "$host" | wc -l)
    [ "$left" -gt 0 ] || break
    sleep 1
  done
  [ "$left" -eq 0 ] || echo "two_hosts: $left processes left on $host" >&2
done
exit $status
