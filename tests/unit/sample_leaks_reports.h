// SPDX-License-Identifier: Apache-2.0
// Reports of the leaks command about typical machines, judged by hand: what their text and JSON make of them is tested,
// not the judgement.
#pragma once

#include "vpndoctor/report.h"

namespace vpndoctor::test {

Report leaks_no_vpn_report();      ///< eth0 alone
Report leaks_full_report();        ///< WireGuard carries both families, with a capture that saw no leak
Report leaks_split_report();       ///< OpenVPN carries 10.0.0.0/8, rules send some packets another way
Report leaks_crashed_report();     ///< a dead tun0 with routes
Report leaks_several_report();     ///< five tunnels in five states
Report leaks_macos_report();       ///< a saved state with ten utuns of the system and one VPN
Report leaks_captured_report();    ///< DNS leaked
Report leaks_no_control_report();  ///< a capture that proves nothing
Report leaks_bypass_report();      ///< probes past the tunnel were answered
Report leaks_unknown_report();     ///< nothing could be read

}  // namespace vpndoctor::test
