// SPDX-License-Identifier: Apache-2.0

// Package chart tests charts/pillion over Helm's own engines, of Helm 4 and of Helm 3. It is
// a module of its own: Helm is no business of the product's. Cases are directories of testdata
// with values and what they render; what a real API server says to these is in
// test/integration.
package chart
