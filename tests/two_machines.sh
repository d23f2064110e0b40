#!/bin/sh
# Runs a command on two "machines" of one computer: network namespaces with their own addresses. Needs root.
#
#     tests/two_machines.sh vadkit run RECIPE --out RUN --num-nodes 2
#
# The exit code is that of the first machine, or of the second one if the first has none.
set -eu
name=vadkit$$
clean() { ip netns del ${name}a 2>/dev/null || true; ip netns del ${name}b 2>/dev/null || true; }
trap clean EXIT
ip netns add ${name}a
ip netns add ${name}b
ip link add wire netns ${name}a type veth peer name wire netns ${name}b
for side in a:1 b:2; do
    space=$name${side%:*}
    ip -n $space addr add 10.77.0.${side#*:}/24 dev wire
    ip -n $space link set lo up
    ip -n $space link set wire up
done
export MASTER_ADDR=10.77.0.1 GLOO_SOCKET_IFNAME=wire
NODE_RANK=1 ip netns exec ${name}b "$@" &
second=$!
code=0
NODE_RANK=0 ip netns exec ${name}a "$@" || code=$?
wait $second || { other=$?; [ $code -ne 0 ] || code=$other; }
exit $code
