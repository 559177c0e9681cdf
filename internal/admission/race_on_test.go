// SPDX-License-Identifier: Apache-2.0

//go:build race

package admission

// raceDetector reports whether the tests run with the race detector, which allocates.
const raceDetector = true

// unraced is a size, of which the race detector gets a sixteenth.
func unraced(size int) int { return size / 16 }
