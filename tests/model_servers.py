"""Stand-ins for TF Serving, which cannot be installed with pip: its REST and gRPC interfaces to a SavedModel."""

import base64
import concurrent.futures
import contextlib
import http.server
import json
import os
import threading

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

MODEL = "captioner"


@contextlib.contextmanager
def grpc_server(folder):
    """Serves a SavedModel through the gRPC interface; yields the address."""

    class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
        signatures = tf.saved_model.load(os.fspath(folder)).signatures

        def Predict(self, request, context):
            if request.model_spec.name != MODEL:
                context.abort(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {request.model_spec.name}")
            inputs = {name: tf.constant(tf.make_ndarray(value)) for name, value in request.inputs.items()}
            outputs = self.signatures[request.model_spec.signature_name](**inputs)
            answer = predict_pb2.PredictResponse(model_spec=request.model_spec)
            for name in request.output_filter or outputs:
                answer.outputs[name].CopyFrom(tf.make_tensor_proto(outputs[name].numpy()))
            return answer

    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(8), options=options)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("localhost:0")
    server.start()
    yield f"grpc://localhost:{port}"
    server.stop(None).wait()


@contextlib.contextmanager
def rest_server(folder, busy=0, broken=None):
    """Serves a SavedModel through the REST interface; yields the address.

    Args:
        folder: path of the SavedModel; None serves no model.
        busy: int, number of requests that get code 503 first.
        broken: bytes, the response to every request instead of captions.
    """
    signatures = None if folder is None else tf.saved_model.load(os.fspath(folder)).signatures
    left = [busy]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if left[0] > 0:
                left[0] -= 1
                self._answer(503, {"error": "still loading"})
            elif self.path != f"/v1/models/{MODEL}:predict":
                self._answer(404, {"error": "Servable not found"})
            else:
                self._answer(200, broken or {"outputs": self._predict(request)})

        def _predict(self, request):
            inputs = {
                name: tf.constant(
                    [base64.b64decode(value["b64"]) if name == "wav_bytes" else value for value in values]
                )
                for name, values in request["inputs"].items()
            }
            outputs = signatures[request["signature_name"]](**inputs)
            return {name: _plain(value.numpy().tolist()) for name, value in outputs.items()}

        def _answer(self, code, content):
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("localhost", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def _plain(values):
    if isinstance(values, list):
        return [_plain(value) for value in values]
    return values.decode() if isinstance(values, bytes) else values
