// SPDX-License-Identifier: Apache-2.0

//go:build race

package admission

// raceDetector tells whether the tests run with the race detector, which allocates.
const raceDetector = true
