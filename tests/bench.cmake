# SPDX-License-Identifier: Apache-2.0
# vpndoctor-bench, the search against random networks. Built on request only: tests/bench/run asks for it.
find_package(Threads REQUIRED)
file(GLOB bench_sources CONFIGURE_DEPENDS bench/*.cc unit/simulated_network.cc)
add_executable(vpndoctor-bench EXCLUDE_FROM_ALL ${bench_sources})
target_include_directories(vpndoctor-bench PRIVATE unit ${PROJECT_SOURCE_DIR}/lib)
target_link_libraries(vpndoctor-bench PRIVATE vpndoctor_lib Threads::Threads)

# The routing engine, a million routes; tests/bench/run asks for it.
file(GLOB routes_bench_sources CONFIGURE_DEPENDS bench/routes/*.cc)
add_executable(vpndoctor-routes-bench EXCLUDE_FROM_ALL ${routes_bench_sources} unit/million_routes.cc)
target_include_directories(vpndoctor-routes-bench PRIVATE unit ${PROJECT_SOURCE_DIR}/probes)
target_link_libraries(vpndoctor-routes-bench PRIVATE vpndoctor)

# The route lookup beside the kernel's, a million flows; and how fast it is.
file(GLOB fib_bench_sources CONFIGURE_DEPENDS bench/fib/*.cc fib/*.cc)
add_executable(vpndoctor-fib-bench EXCLUDE_FROM_ALL ${fib_bench_sources})
target_include_directories(vpndoctor-fib-bench PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(vpndoctor-fib-bench PRIVATE vpndoctor)

# What a capture is loaded with.
file(GLOB capture_bench_sources CONFIGURE_DEPENDS bench/capture/*.cc)
add_executable(vpndoctor-packet-blaster EXCLUDE_FROM_ALL ${capture_bench_sources})
