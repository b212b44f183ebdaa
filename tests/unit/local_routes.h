// SPDX-License-Identifier: Apache-2.0
// Waits for what the kernel does by itself some time after a link or an address was set up. Knows nothing of what is
// tested.
#pragma once

namespace vpndoctor::testing_support {

/// Returns once each global IPv6 address and each veth with a carrier has its route in the table `local`, and each veth
/// that is up tells whether it has one. Workers of the kernel do that (net/ipv6/addrconf.c addrconf_dad_work(), also
/// for an address of `nodad`; net/core/link_watch.c, which may wait for a second): on a busy machine a test would see
/// it come.
void wait_for_local_routes();

}  // namespace vpndoctor::testing_support
