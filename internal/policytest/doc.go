// SPDX-License-Identifier: Apache-2.0

// Package policytest runs the tables by which a platform team tests its own policies:
// a pod, and what the policy is expected to make of it. The decision is that of package
// inject, by the same code as in the webhook.
package policytest
