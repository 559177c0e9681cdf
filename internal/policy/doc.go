// SPDX-License-Identifier: Apache-2.0

// Package policy reads the platform team's InjectionPolicy files: strictly (an
// unknown field is an error with a suggestion), completely (all mistakes of a file at
// once) and into the compiled form that package inject evaluates.
package policy
