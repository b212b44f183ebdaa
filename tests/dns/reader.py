# SPDX-License-Identifier: Apache-2.0
"""What vpndoctor reads of the DNS daemons, field by field."""
import json
import os
import shutil

import world

BIN = os.path.join(world.BUILD_DIR, "bin")
DUMP = os.path.join(BIN, "vpndoctor-dns-dump")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


def read(*prefix, **options):
    """Everything; each facet is {"value", "source", "limits"} or {"missing": why}."""
    return json.loads(world.run(*prefix, DUMP, **options).stdout)


def read_as_nobody():
    """The same without privileges, from copies in /run: another user may not enter the build folder."""
    folder = "/run/copied"
    if not os.path.exists(folder):
        os.mkdir(folder)
        for name in ("vpndoctor-dns-dump", *(entry for entry in os.listdir(BIN) if ".so." in entry)):
            shutil.copy(os.path.join(BIN, name), folder)
    return json.loads(world.run(*NOBODY, f"{folder}/vpndoctor-dns-dump",
                                env=dict(os.environ, LD_LIBRARY_PATH=folder)).stdout)


def value_of(facet):
    """The value of a facet that must be known."""
    assert "value" in facet, facet
    return facet["value"]


def scope_of(resolved, interface):
    """The scope of an interface; "" is the global one."""
    return next(scope for scope in resolved["scopes"] if scope["interface"] == interface)
