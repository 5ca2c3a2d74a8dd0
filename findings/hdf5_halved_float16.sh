#!/usr/bin/env bash
# HDF5 to 1.14: of float32 values written into a float16 dataset, some are halved. The library converts what it writes
# to the dataset's type, which is to round. But once a value of a write has been a subnormal float16 (smaller than
# 0.000061, of which weights have plenty), every later one that rounds up to a power of two gets the exponent before
# it: 7.999 is 8.0 in the file, and after a 0.00001 it is 4.0. There is no error. 697 of 2,000,000 weights of deviation
# 0.02 are halved here. float64, and reading a dataset of float32 as float16, do the same; an array given as float16,
# which numpy has rounded, is kept. Seen with HDF5 1.12.2 and 1.14.6 (h5py 3.8.0 and 3.14.0), not with 2.0.0 (3.16.0).
#   Way out: to convert before writing, to the very type of the dataset, so that HDF5 has nothing to convert.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import h5py
import numpy

print("HDF5", h5py.version.hdf5_version)
weights = numpy.random.default_rng(1).normal(0, 0.02, 2000000).astype(numpy.float32)

with h5py.File("file.h5", "w") as file:
    def store(values, type_name="f2"):
        dataset = file.create_dataset(str(len(file)), values.shape, type_name)
        dataset[...] = values
        return dataset

    def halved(dataset):
        right = weights.astype(numpy.float16).astype(float)
        return numpy.sum(abs(dataset[...].astype(float)) < 0.6 * abs(right))

    for values in [7.999], [0.00001, 7.999], [0.00001, 7.999, 1, 3.9999], [7.999, 0.00001]:
        kept = store(numpy.array(values, numpy.float32))[...]
        print(values, "are", [round(float(value), 5) for value in kept])
    print("weights as float32:", halved(store(weights)), "halved")
    print("weights as float64:", halved(store(weights.astype(float))), "halved")
    print("weights as float16:", halved(store(weights.astype(numpy.float16))), "halved")
    print("read as float16:", halved(store(weights, "f4").astype("f2")), "halved")
TEXT
for version in 3.8.0 3.14.0 3.16.0; do
  python_packages "v$version" "h5py==$version" numpy==1.26.4
  "v$version/bin/python" program.py >"$version" 2>&1
done
expect 'h5py 3.8.0' 3.8.0 'HDF5 1.12.2'
expect 'h5py 3.14.0' 3.14.0 'HDF5 1.14.6'
expect 'h5py 3.16.0' 3.16.0 'HDF5 2.0.0'
for version in 3.8.0 3.14.0; do
  for line in '[7.999] are [8.0]' '[1e-05, 7.999] are [1e-05, 4.0]' '[7.999, 1e-05] are [8.0, 1e-05]' \
    '[1e-05, 7.999, 1, 3.9999] are [1e-05, 4.0, 1.0, 2.0]' 'weights as float32: 697 halved' \
    'weights as float64: 697 halved' 'weights as float16: 0 halved' 'read as float16: 697 halved'; do
    expect "h5py $version" "$version" "$line"
  done
done
for line in '[1e-05, 7.999] are [1e-05, 8.0]' 'weights as float32: 0 halved' 'read as float16: 0 halved'; do
  expect 'h5py 3.16.0' 3.16.0 "$line"
done
