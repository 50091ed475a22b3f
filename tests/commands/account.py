"""An AWS account in moto, which checks signatures: one function, one user who may call it; told as a line of JSON."""

import io
import json
import os
import sys
import urllib.request
import zipfile

# What is asked before somebody's rights count: a role, a user, a key, a policy, a function.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "5"

import boto3
from moto.server import ThreadedMotoServer

REGION = "eu-central-1"

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
url = f"http://{host}:{port}"


def tell(path, what):
    head = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(what).encode(), head)).read()


def service(name):
    who = {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
    return boto3.client(name, region_name=REGION, endpoint_url=url, **who)


tell("/moto-api/config", {"lambda": {"use_docker": False}})
answer = {"success": True, "response_action": "chat", "chat_message": sys.argv[1]}
tell("/moto-api/static/lambda-simple/response", {"results": [json.dumps(answer)] * 3, "region": REGION})

iam = service("iam")
role = iam.create_role(RoleName="functions", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
iam.create_user(UserName="bot")
key = iam.create_access_key(UserName="bot")["AccessKey"]
may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "lambda:*", "Resource": "*"}]}
iam.put_user_policy(UserName="bot", PolicyName="calls", PolicyDocument=json.dumps(may))
code = io.BytesIO()
with zipfile.ZipFile(code, "w") as archive:
    archive.writestr("weather.py", "def handler(event, context): return event")
service("lambda").create_function(
    FunctionName="waddlebot-weather", Runtime="python3.12", Role=role, Handler="weather.handler", Code={"ZipFile": code.getvalue()}
)

print(json.dumps({"url": url, "region": REGION, "id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
sys.stdin.read()
