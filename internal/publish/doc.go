// SPDX-License-Identifier: Apache-2.0

// Package publish swaps a whole directory tree for another at a path that others
// read, the way the kubelet updates a mounted ConfigMap
// (k8s.io/kubernetes/pkg/volume/util/atomic_writer.go):
//
//	index.html -> ..data/index.html
//	assets     -> ..data/assets
//	..data     -> ..3f786850e387550fdab836ed7e6dc881de23001b.1b9d6bcd-2fa1c07e
//	..3f786850e387550fdab836ed7e6dc881de23001b.1b9d6bcd-2fa1c07e/
//
// Each tree has a directory of its own, and one rename(2) of the link ..data makes
// the change, so a process that opens a directory sees one tree and never parts of two.
// The content is at the path itself: the path is no link, and nothing beside it is
// hidden.
//
// Others may write to the same place. What this package did not make it does not
// touch: it owns names that begin with two dots, as the kubelet does, and links
// whose target is ..data/ and their own name. Everything happens through [os.Root],
// so a link that somebody plants cannot lead out of the volume.
package publish
