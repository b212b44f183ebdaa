# SPDX-License-Identifier: Apache-2.0
# Checks that are no unit tests: what is installed, what the layers call, how the code is formatted.
