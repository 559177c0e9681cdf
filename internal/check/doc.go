// SPDX-License-Identifier: Apache-2.0

// Package check looks at an installation of Pillion check by check, from the API server's
// version to a pod that is made on trial, and says of each link whether it holds and what
// to do if not. Each file has one link or two; [Links] has their order, which is that of
// cause and effect: what fails because of an earlier check says so.
//
// What it reads it reads through [Cluster], so that nothing here knows how to reach one.
package check
