#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The search that most scripts do: one `ping -M do` after the other, a second of patience for each, no repetition.
# bisect_ping.sh TARGET; prints the size of the largest IP packet that was answered.
target=$1 headers=28 low=1228 high=1500
case $target in *:*) headers=48 low=1280 ;; esac
answered() { ping -n -M do -c1 -W1 -s $(($1 - headers)) "$target" >/dev/null 2>&1; }
answered "$low" || { echo "$low bytes: no answer"; exit 1; }
if answered "$high"; then low=$high; fi
while [ $((high - low)) -gt 1 ]; do
  middle=$(((low + high) / 2))
  if answered "$middle"; then low=$middle; else high=$middle; fi
done
echo "$low"
