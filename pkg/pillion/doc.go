// SPDX-License-Identifier: Apache-2.0

// Package pillion is Pillion as a library: the sidecar injector that runs in the admission
// webhook, for programs that have a server of their own, and for tools that decide offline.
//
// A program loads policies ([Load], [Parse], [Builtin]) and either decides on objects itself
// ([Policy.Decide]) or serves admission reviews ([Handler]). A manager of controller-runtime
// mounts the handler with the package [github.com/pillion-dev/pillion/pkg/pillion/manager].
//
// A decision depends on the object and the policy alone. It uses no clock, network or
// credentials, and the same object and policy always give the same bytes. Pillion only adds
// to a pod; patches are operations of RFC 6902 that touch nothing else, so fields that this
// package does not know stay as they are.
//
// Before v1.0.0 a minor release may change this package; the changelog says how.
package pillion
