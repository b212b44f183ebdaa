// SPDX-License-Identifier: Apache-2.0
// Reports of typical paths, diagnosed by the real diagnosis, for the golden text files.
#pragma once

#include "vpndoctor/report.h"

namespace vpndoctor::test {

Report black_hole_report();        ///< silence above 1400 bytes behind hop 2
Report clear_report();             ///< 1500 bytes all the way
Report signalled_report();         ///< 1400 bytes, and the router says so
Report undetermined_report();      ///< nothing answers
Report reverse_report();           ///< the way back loses what is larger than 1400 bytes
Report tunnel_too_large_report();  ///< WireGuard with an MTU of 1420 over a path of 1400 bytes, with --outer
Report lost_band_report();         ///< 1320 to 1410 bytes are lost, smaller and larger ones pass
Report misreported_report();       ///< a router claims 1450 bytes, its link carries 1400
Report icmp_size_filter_report();  ///< echoes above 1000 bytes are filtered, TCP is not
Report udp_only_report();          ///< no privilege, no echo: silence above 1400 bytes seen by UDP
Report error_report();             ///< an unknown host

}  // namespace vpndoctor::test
