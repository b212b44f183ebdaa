# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. With -DCMAKE_INSTALL_PREFIX=/usr the library goes to Debian's multiarch folder.
include(CMakePackageConfigHelpers)

# A private prefix is found by its tool without the loader's configuration; /usr needs no help.
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  file(RELATIVE_PATH libdir_from_bindir /${CMAKE_INSTALL_BINDIR} /${CMAKE_INSTALL_LIBDIR})
  set(private_rpath "$ORIGIN/${libdir_from_bindir}")
endif()

install(TARGETS vpndoctor EXPORT vpndoctor LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET vpndoctor-tool)
  set_target_properties(vpndoctor-tool PROPERTIES INSTALL_RPATH "${private_rpath}")
  install(TARGETS vpndoctor-tool DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
foreach(layer lib probes reports)
  install(DIRECTORY ${layer}/include/vpndoctor DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

# Uncompressed: packaging compresses pages (dh_compress), and man reads both.
foreach(section 1 5 7 8)
  file(GLOB pages CONFIGURE_DEPENDS man/*.${section})
  install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
file(GLOB schemas CONFIGURE_DEPENDS reports/schema/*.json)
install(FILES ${schemas} DESTINATION ${CMAKE_INSTALL_DATADIR}/vpndoctor/schema)

set(cmake_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/vpndoctor)
install(EXPORT vpndoctor NAMESPACE vpndoctor:: FILE vpndoctor-targets.cmake DESTINATION ${cmake_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/vpndoctor-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES cmake/vpndoctor-config.cmake ${PROJECT_BINARY_DIR}/vpndoctor-config-version.cmake
        DESTINATION ${cmake_package_dir})

file(RELATIVE_PATH prefix_from_pcdir /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/vpndoctor.pc.in ${PROJECT_BINARY_DIR}/vpndoctor.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/vpndoctor.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
