// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// object is a pointer to a type of the API.
type object[T any] interface {
	*T
	client.Object
}

func read[T any, P object[T]](t *testing.T, namespace, name string) P {
	t.Helper()
	o := P(new(T))
	if err := api.Get(context.Background(), client.ObjectKey{Namespace: namespace, Name: name}, o); err != nil {
		t.Fatal(err)
	}
	return o
}

// change changes an object until the end of the test.
func change[T any, P object[T]](t *testing.T, namespace, name string, do func(P)) {
	t.Helper()
	changeBy[T, P](t, namespace, name, do, func(o P) error { return api.Update(context.Background(), o) })
}

// changeStatus changes an object's status until the end of the test.
func changeStatus[T any, P object[T]](t *testing.T, namespace, name string, do func(P)) {
	t.Helper()
	changeBy[T, P](t, namespace, name, do, func(o P) error { return api.Status().Update(context.Background(), o) })
}

func changeBy[T any, P object[T]](t *testing.T, namespace, name string, do func(P), write func(P) error) {
	t.Helper()
	before := read[T, P](t, namespace, name)
	changed, _ := before.DeepCopyObject().(P)
	do(changed)
	if err := write(changed); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		before.SetResourceVersion(read[T, P](t, namespace, name).GetResourceVersion())
		if err := write(before); err != nil {
			t.Error(err)
		}
	})
}

// remove deletes an object until the end of the test. Its status is lost.
func remove[T any, P object[T]](t *testing.T, namespace, name string) {
	t.Helper()
	o := read[T, P](t, namespace, name)
	if err := api.Delete(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.SetResourceVersion("")
		o.SetUID("")
		if err := api.Create(context.Background(), o); err != nil {
			t.Error(err)
		}
	})
}

// add creates an object until the end of the test.
func add(t *testing.T, o client.Object) {
	t.Helper()
	if err := api.Create(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := api.Delete(context.Background(), o); err != nil {
			t.Error(err)
		}
	})
}
