// SPDX-License-Identifier: Apache-2.0

//go:build !race

package admission

// raceDetector reports whether the tests run with the race detector, which allocates.
const raceDetector = false

// unraced is a size. Under the race detector, which makes one goroutine's work twenty
// times longer and finds nothing in it, it is a sixteenth; `make test` tests the whole as well.
func unraced(size int) int { return size }
