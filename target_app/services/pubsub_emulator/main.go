// A Pub/Sub server in memory: Google's own test double (cloud.google.com/go/pubsub/pstest), on the address given.
package main

import (
	"log"
	"net"
	"os"

	pb "google.golang.org/genproto/googleapis/pubsub/v1"
	"google.golang.org/grpc"

	"cloud.google.com/go/pubsub/pstest"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: pubsub-emulator HOST:PORT")
	}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	// pstest.NewServer chooses its port itself; its service answers on ours just as well.
	double := pstest.NewServer()
	server := grpc.NewServer()
	pb.RegisterPublisherServer(server, &double.GServer)
	pb.RegisterSubscriberServer(server, &double.GServer)
	log.Fatal(server.Serve(listener))
}
