// SPDX-License-Identifier: Apache-2.0
// Asks ip(8) until it is so; see the header.
#include "unit/local_routes.h"

#include "unit/in_namespace.h"

namespace vpndoctor::testing_support {

void wait_for_local_routes() {
  // Prints what is still to come.
  constexpr const char* kScript = R"sh(timeout 60 sh -c '
missing() {
  routes=$(ip -6 route show table local)
  ip -6 -o addr show scope global | while read -r _ _ _ address _; do
    case "$routes" in *"local ${address%/*} dev"*) ;; *) echo "$address" ;; esac
  done
  ip -o link show type veth up | while read -r _ name flags rest; do
    name=${name%%[@:]*}
    case "$flags $rest/$routes" in
      *LOWER_UP*"state UP"*/*"multicast ff00::/8 dev $name "*) ;;
      *NO-CARRIER*"state LOWERLAYERDOWN"*) ;;
      *) echo "$name" ;;
    esac
  done
}
while [ -n "$(missing)" ]; do :; done')sh";
  run(kScript);
}

}  // namespace vpndoctor::testing_support
