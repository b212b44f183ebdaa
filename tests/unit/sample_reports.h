// SPDX-License-Identifier: Apache-2.0
// Reports of typical paths, diagnosed by the real diagnosis, for the golden text files.
#pragma once

#include "vpndoctor/report.h"

namespace vpndoctor::test {

Report black_hole_report();    ///< silence above 1400 bytes behind hop 2
Report clear_report();         ///< 1500 bytes all the way
Report signalled_report();     ///< 1400 bytes, and the router says so
Report undetermined_report();  ///< nothing answers
Report reverse_report();       ///< the way back loses what is larger than 1400 bytes
Report error_report();         ///< an unknown host

}  // namespace vpndoctor::test
