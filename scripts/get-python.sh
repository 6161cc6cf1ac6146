#!/usr/bin/env bash
# Makes a CPython with a shared library available for pyvm's tests, and prints the path of its executable.
#
#   scripts/get-python.sh [--version 3.13] [--free-threaded] [--numpy] [--if-present]
#
# Looked at in this order: the cache folder ($EXTRUNTIME_CACHE, or ~/.cache/extruntime); the system's own python3.13,
# where its library is shared; otherwise the source is fetched and built into the cache folder, which takes a few
# minutes once. The source is a Debian package (3.13: of Debian 13), fetched by apt's own client with a source list of its own, so
# nothing of the system is changed. 3.12 and 3.14, which Debian has no source of, come built, out of a Maven artifact for Java programs that embed
# Python (Linux only). EXTRUNTIME_DEBIAN_MIRROR names a Debian mirror where the system has none configured;
# EXTRUNTIME_PYTHON_SOURCE names an unpacked CPython source folder instead.
#
# With --numpy, numpy is put into <cache>/numpy-<version>, without changing that Python; the second line printed is that
# folder, to be named in `python.path` of a manifest. The third is <cache>/small-packages-<version>, with some small packages, most of
# them with compiled code. With --if-present nothing is fetched, built or installed: what is missing is not printed.
set -euo pipefail

version=3.13
free_threaded=no
numpy=no
if_present=no
while [ $# -gt 0 ]; do
  case "$1" in
    --version) version=$2; shift 2 ;;
    --free-threaded) free_threaded=yes; shift ;;
    --numpy) numpy=yes; shift ;;
    --if-present) if_present=yes; shift ;;
    *) echo "get-python: unknown option $1" >&2; exit 2 ;;
  esac
done

cache=${EXTRUNTIME_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/extruntime}
suffix=""
[ "$free_threaded" = yes ] && suffix=t
prefix=$cache/python$version$suffix

say() { echo "get-python: $*" >&2; }

# Whether the executable $1 is the wanted CPython, with a shared library.
serves() {
  "$1" -I - "$version" "$free_threaded" 2>/dev/null <<'PY'
import os, sys, sysconfig
version, free_threaded = sys.argv[1:]
var = sysconfig.get_config_var
same = "%d.%d" % sys.version_info[:2] == version
folders = [var("LIBDIR"), os.path.join(var("LIBDIR") or "", var("MULTIARCH") or "")]
shared = var("Py_ENABLE_SHARED") and any(os.path.exists(os.path.join(f, var("INSTSONAME"))) for f in folders if f)
gil = bool(var("Py_GIL_DISABLED")) == (free_threaded == "yes")
sys.exit(0 if same and shared and gil else 1)
PY
}

# The Debian suite that has the source of a version.
suite() {
  case "$version" in
    3.11) echo bookworm ;;
    3.13) echo trixie ;;
    *) say "no Debian suite has CPython $version: set EXTRUNTIME_PYTHON_SOURCE"; return 1 ;;
  esac
}

debian_mirror() {
  if [ -n "${EXTRUNTIME_DEBIAN_MIRROR:-}" ]; then echo "$EXTRUNTIME_DEBIAN_MIRROR"; return; fi
  # shellcheck disable=SC1091
  local codename; codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' | awk -v c="$codename" '$2 == c { print $1; exit }'
}

fetch_source() {
  if [ -n "${EXTRUNTIME_PYTHON_SOURCE:-}" ]; then cp -r "$EXTRUNTIME_PYTHON_SOURCE" "$1/source"; return; fi
  command -v apt-get >/dev/null || {
    say "python$version was not found, and without apt it cannot be fetched."
    say "Fedora: dnf install python$version   macOS: brew install python@$version   or set EXTRUNTIME_PYTHON_SOURCE"
    return 1
  }
  local mirror; mirror=$(debian_mirror)
  [ -n "$mirror" ] || { say "no Debian mirror is configured here: set EXTRUNTIME_DEBIAN_MIRROR"; return 1; }
  mkdir -p "$1/apt/lists/partial" "$1/apt/cache/archives/partial" "$1/apt/etc"
  echo "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $(suite) main" > "$1/apt/etc/sources.list"
  local own=(-o Dir::Etc::sourcelist="$1/apt/etc/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$1/apt/lists"
    -o Dir::Cache="$1/apt/cache" -o APT::Sandbox::User= -o Acquire::Languages=none)
  apt-get "${own[@]}" -qq update >&2
  (cd "$1" && apt-get "${own[@]}" -qq --download-only source "python$version" >&2)
  mkdir "$1/source"
  tar -xf "$1"/python"$version"_*.orig.tar.?z -C "$1/source" --strip-components 1
}

install_package() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing $1"
  apt-get -qq install -y "$1" >&2 || { apt-get -qq update >&2 && apt-get -qq install -y "$1" >&2; }
}

# Of versions that Debian has no source of: a Maven artifact that holds a whole CPython, bin, lib/python<version>, and the library beside them.
case "$version" in
  3.12) artifact=org.bytedeco:cpython:3.12.1-1.5.10 ;;
  3.14) artifact=org.bytedeco:cpython:3.14.3-1.5.13 ;;
  *) artifact= ;;
esac

unpack_artifact() {
  local work=$1 platform
  case "$(uname -sm)" in
    "Linux x86_64") platform=linux-x86_64 ;;
    "Linux aarch64") platform=linux-arm64 ;;
    *) say "CPython $version is only built on Linux: set EXTRUNTIME_PYTHON_SOURCE"; return 1 ;;
  esac
  [ "$free_threaded" = no ] || { say "CPython $version without the GIL cannot be fetched: set EXTRUNTIME_PYTHON_SOURCE"; return 1; }
  for tool in mvn:maven unzip:unzip; do
    command -v "${tool%:*}" >/dev/null || install_package "${tool#*:}" ||
      { say "CPython $version is fetched with Maven and unzip: apt-get install maven unzip"; return 1; }
  done
  say "fetching CPython $version ($artifact)"
  mvn -q -B -Dmaven.repo.local="$work/m2" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get -Dartifact="$artifact:jar:$platform" \
    -Dtransitive=false >&2
  unzip -q "$work"/m2/org/bytedeco/cpython/*/*.jar "org/bytedeco/cpython/$platform/*" -d "$work/unpacked"
  rm -rf "$prefix"
  mv "$work/unpacked/org/bytedeco/cpython/$platform" "$prefix"
  # The prefix is told by where the library lies; the extension modules look for theirs beside their folder.
  mv "$prefix"/libpython"$version".so.* "$prefix/lib/"
  mv "$prefix"/libffi.so.* "$prefix/lib/python$version/"
  chmod +x "$prefix"/bin/*
}

build() {
  local work; work=$(mktemp -d "$cache/build.XXXXXX")
  # shellcheck disable=SC2064
  trap "rm -rf '$work'" EXIT
  if [ -n "$artifact" ] && [ -z "${EXTRUNTIME_PYTHON_SOURCE:-}" ]; then
    unpack_artifact "$work" && touch "$prefix/.complete"
    return
  fi
  say "fetching the source of CPython $version"
  fetch_source "$work"
  local options=(--enable-shared --prefix="$prefix" LDFLAGS="-Wl,-rpath,$prefix/lib")
  [ "$free_threaded" = yes ] && options+=(--disable-gil)
  say "building CPython $version$suffix into $prefix (a few minutes, once)"
  (cd "$work/source" && ./configure -q "${options[@]}" && nice make -s -j2 && nice make -s install) > "$work/log" 2>&1 || {
    tail -40 "$work/log" >&2
    say "the build failed; it needs a C compiler, and the headers of OpenSSL, zlib, libffi and SQLite for their modules"
    return 1
  }
  # Most of what was installed is the tests of the standard library; those of json are used by ours.
  find "$prefix"/lib/python*/test -mindepth 1 -maxdepth 1 ! -name test_json ! -name support ! -name __init__.py -exec rm -rf {} +
  touch "$prefix/.complete"
}

# install_into FOLDER PACKAGE...
install_into() {
  local folder=$1
  shift
  [ -e "$folder/.complete" ] && return
  rm -rf "$folder"
  local pip=("$python" -m pip)
  local for_this=()
  if ! "${pip[@]}" --version >/dev/null 2>&1 && ! "$python" -m ensurepip >/dev/null 2>&1; then
    # Debian splits pip off; that of a CPython built here installs for others as well.
    pip=("$cache/python3.13/bin/python3.13" -m pip)
    "${pip[@]}" --version >/dev/null 2>&1 || { say "packages were asked for, but $python has no pip"; return 1; }
    for_this=(--python-version "$version" --implementation cp --abi "cp${version/./}$suffix")
  fi
  "${pip[@]}" install --quiet --root-user-action ignore --only-binary :all: "${for_this[@]}" --target "$folder" "$@" >&2
  touch "$folder/.complete"
}

mkdir -p "$cache"
if [ "$if_present" = yes ]; then
  fetch_source() { return 1; }
  build() { exit 0; }
  install_into() { [ -e "$1/.complete" ] || exit 0; }
fi
if [ -e "$prefix/.complete" ]; then
  python=$prefix/bin/python$version$suffix
elif [ -x "/usr/bin/python$version$suffix" ] && serves "/usr/bin/python$version$suffix"; then
  python=/usr/bin/python$version$suffix
else
  build
  python=$prefix/bin/python$version$suffix
fi
echo "$python"
if [ "$numpy" = yes ]; then
  folder=$cache/numpy-$version$suffix
  install_into "$folder" numpy
  echo "$folder"
  folder=$cache/small-packages-$version$suffix
  small=(markupsafe==3.0.3 joblib==1.6.0)
  # These have no wheels for it.
  [ "$free_threaded" = yes ] || small+=(msgspec==0.22.0 protobuf==7.36.2 orjson==3.13.0)
  install_into "$folder" "${small[@]}"
  echo "$folder"
fi
