#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lib/ and reports/ are pure: their objects call no sockets, files, clocks, environment, threads or processes, and
# they include no header of the system's network. The include folders keep the layers apart; this does the rest.
set -euo pipefail
cd "$SOURCE_DIR"
sockets='socket|socketpair|connect|bind|listen|accept4?|send|sendto|sendm?msg|recv|recvfrom|recvm?msg|[gs]etsockopt|getaddrinfo|gethostby.*|if_nametoindex|getifaddrs|ioctl'
files='open(at)?(64)?|creat|f?open(64)?|fdopen|freopen|fread|fwrite|fputs|fputc|f?printf|puts|read|write|pread|pwrite|l?stat(64)?|fstat(64)?|opendir|readdir|unlink|rename|mmap(64)?|.*basic_[io]?fstream.*|.*basic_filebuf.*|.*std::filesystem::.*|std::c(out|err|in|log)'
clocks='time|clock|clock_gettime|gettimeofday|localtime(_r)?|nanosleep|usleep|sleep|std::chrono::.*::now\(\)'
rest='(secure_)?getenv|setenv|std::random_device::.*|rand|srand|random|getrandom|pthread_create|std::thread::.*|system|popen|fork|exec[a-z]*|posix_spawn.*|kill|signal|sigaction|setlocale'
forbidden="^(${sockets}|${files}|${clocks}|${rest})(@.*)?$"
bad=0
for layer in lib reports; do
  objects=$(find "$BUILD_DIR/CMakeFiles/vpndoctor_$layer.dir" -name '*.o')
  [ -n "$objects" ] || { echo "no objects of $layer in $BUILD_DIR"; exit 1; }
  while IFS= read -r object; do
    calls=$(nm -uC "$object" | sed -n 's/^ *U //p' | grep -E "$forbidden" || true)
    [ -z "$calls" ] || { echo "${object##*.dir/} calls:" $calls; bad=1; }
  done <<<"$objects"
  if grep -rnE '#include <(sys/|net/|netinet|arpa/|linux/|netdb|unistd|fcntl|poll|pthread|thread|mutex|fstream|filesystem|iostream)' "$layer"; then
    echo "$layer includes a header of the system"; bad=1
  fi
done
exit "$bad"
